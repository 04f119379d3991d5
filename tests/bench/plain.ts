/**
 * The tasks of the kernels as a good programmer does them in JavaScript without WebAssembly: typed arrays, flat loops,
 * memory that is used again. What the speed of the kernels is compared with.
 */

/** Prepares the work over one vector; the result is one call. */
export type Plain = (x: Float32Array) => () => unknown;

/** The Walsh-Hadamard transform of blocks of `block` elements, or of the whole, padded with zeros. */
export function plainFwht(block: number | 'whole'): Plain {
  return (x) => {
    const order = block === 'whole' ? 2 ** Math.ceil(Math.log2(x.length)) : block;
    const y = new Float32Array(Math.ceil(x.length / order) * order);
    return () => {
      y.set(x);
      y.fill(0, x.length);
      transform(y, order);
      return y;
    };
  };
}

/** The Walsh-Hadamard transform of blocks of `order` elements, in place. */
export function transform(y: Float32Array, order: number): void {
  for (let h = 1; h < order; h *= 2)
    for (let start = 0; start < y.length; start += 2 * h)
      for (let i = start; i < start + h; i++) {
        const a = y[i];
        const b = y[i + h];
        y[i] = a + b;
        y[i + h] = a - b;
      }
}

/** The k elements of the largest magnitude, by a sorted copy of the magnitudes and one pass. */
export function plainTopK(x: Float32Array, k: number): () => unknown {
  const magnitudes = new Float32Array(x.length);
  return () => {
    for (let i = 0; i < x.length; i++) magnitudes[i] = Math.abs(x[i]);
    magnitudes.sort();
    const least = magnitudes[x.length - k];
    // elements equal to the least are taken as long as there is room
    let room = k;
    for (let i = x.length - k; i < x.length; i++) if (magnitudes[i] > least) room--;
    const indices = new Uint32Array(k);
    const values = new Float32Array(k);
    for (let i = 0, found = 0; i < x.length && found < k; i++) {
      const magnitude = Math.abs(x[i]);
      if (magnitude < least || (magnitude === least && room-- <= 0)) continue;
      indices[found] = i;
      values[found++] = x[i];
    }
    return { indices, values };
  };
}

/** All elements whose magnitude is `t` or more. */
export function plainThreshold(x: Float32Array, t: number): () => unknown {
  const indices = new Uint32Array(x.length);
  const values = new Float32Array(x.length);
  return () => {
    let found = 0;
    for (let i = 0; i < x.length; i++)
      if (Math.abs(x[i]) >= t) {
        indices[found] = i;
        values[found++] = x[i];
      }
    return found;
  };
}

/** How many magnitudes' bits have each value of a digit, among those that have the digits known. */
export function plainKeyCounts({
  known,
  prefix,
  shift,
  bins,
}: Readonly<Record<'known' | 'prefix' | 'shift' | 'bins', number>>): Plain {
  return (x) => {
    const words = new Uint32Array(x.buffer, x.byteOffset, x.length);
    const counts = new Uint32Array(bins);
    return () => {
      counts.fill(0);
      for (let i = 0; i < words.length; i++) {
        const key = words[i] & 0x7fffffff;
        if (key !== 0 && (known === 32 || key >>> known === prefix)) counts[(key >>> shift) & (bins - 1)]++;
      }
      return counts;
    };
  };
}

/** The signs, 32 a word. */
export const plainSigns: Plain = (x) => {
  const bits = new Uint32Array(Math.ceil(x.length / 32));
  return () => {
    packSigns(x, bits);
    return bits;
  };
};

/** The signs, 32 a word, and the mean magnitude. */
export const plainSignsAndMean: Plain = (x) => {
  const bits = new Uint32Array(Math.ceil(x.length / 32));
  return () => {
    packSigns(x, bits);
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]);
    return sum / x.length;
  };
};

/** Bit i of the words: whether x_i is below zero. */
export function packSigns(x: Float32Array, bits: Uint32Array): void {
  for (let word = 0; word < bits.length; word++) {
    const end = Math.min(word * 32 + 32, x.length);
    let packed = 0;
    for (let i = word * 32; i < end; i++) packed |= (x[i] < 0 ? 1 : 0) << i;
    bits[word] = packed;
  }
}

/** 16 levels between the least and the greatest element, which are known, 8 codes a word. */
export const plainQuantize: Plain = (x) => {
  const packed = new Uint32Array(Math.ceil(x.length / 8));
  const range = rangeOf(x);
  return () => {
    quantize(x, range, packed);
    return packed;
  };
};

/** As plainQuantize, the least and the greatest element to be found. */
export const plainQuantized: Plain = (x) => {
  const packed = new Uint32Array(Math.ceil(x.length / 8));
  return () => {
    quantize(x, rangeOf(x), packed);
    return packed;
  };
};

function rangeOf(x: Float32Array): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < x.length; i++) {
    if (x[i] < low) low = x[i];
    if (x[i] > high) high = x[i];
  }
  return [low, high];
}

function quantize(x: Float32Array, [low, high]: readonly [number, number], packed: Uint32Array): void {
  const scale = high > low ? 15 / (high - low) : 0;
  for (let word = 0; word < packed.length; word++) {
    const end = Math.min(word * 8 + 8, x.length);
    let codes = 0;
    for (let i = word * 8; i < end; i++) codes |= Math.round((x[i] - low) * scale) << ((i & 7) * 4);
    packed[word] = codes;
  }
}
