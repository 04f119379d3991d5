/**
 * Steps of systems as a good programmer writes them in JavaScript without WebAssembly: typed arrays, flat loops, memory
 * that is used again. Messages are arrays, no packets: nothing is coded, checked or summed up, and nothing can be taken
 * back.
 */
import { packSigns, transform } from './plain.ts';

/** One step of all workers; the result is each worker's direction, by rank. */
export type PlainStep = (gradients: readonly Float32Array[]) => readonly Float32Array[];

/** Begins a run of a system over vectors of n elements. */
export type OpenPlain = (n: number, workers: number) => PlainStep;

/** As many vectors of n zeros. */
function vectors(count: number, n: number): Float32Array[] {
  return Array.from({ length: count }, () => new Float32Array(n));
}

/** Float32 up, the mean down. */
export const plainPSgd: OpenPlain = (n, workers) => {
  const messages = vectors(workers, n);
  const mean = new Float32Array(n);
  const directions = vectors(workers, n);
  return (gradients) => {
    for (let r = 0; r < workers; r++) messages[r].set(gradients[r]);
    mean.set(messages[0]);
    for (let r = 1; r < workers; r++) add(mean, messages[r]);
    for (let i = 0; i < n; i++) mean[i] /= workers;
    for (const direction of directions) direction.set(mean);
    return directions;
  };
};

/** The k largest of gradient and error up, their mean down in float32. */
export function plainMemSgd(ratio: number): OpenPlain {
  return (n, workers) => {
    const select = openSelection(n, ratio);
    const errors = vectors(workers, n);
    const mean = new Float32Array(n);
    const directions = vectors(workers, n);
    return (gradients) => {
      const lists = gradients.map((gradient, r) => {
        add(errors[r], gradient);
        return taken(errors[r], select(errors[r]));
      });
      sumUp(lists, workers, mean);
      for (const direction of directions) direction.set(mean);
      return directions;
    };
  };
}

/** The k largest of gradient and error to all, who add up. */
export function plainTopKAllGather(ratio: number): OpenPlain {
  return (n, workers) => {
    const select = openSelection(n, ratio);
    return gatheredBy((acc) => select(acc), n, workers);
  };
}

/** All of gradient and error from t on to all, who add up. */
export function plainHardThreshold(t: number): OpenPlain {
  return (n, workers) => {
    const room = new Uint32Array(n);
    return gatheredBy((acc) => from(acc, t, 0, n, room), n, workers);
  };
}

function gatheredBy(select: (acc: Float32Array) => Uint32Array, n: number, workers: number): PlainStep {
  const residuals = vectors(workers, n);
  const directions = vectors(workers, n);
  return (gradients) => {
    const lists = gradients.map((gradient, r) => {
      add(residuals[r], gradient);
      return taken(residuals[r], select(residuals[r]));
    });
    for (const direction of directions) sumUp(lists, workers, direction);
    return directions;
  };
}

/** One worker in turn selects the k largest, all send these. */
export function plainCltK(ratio: number): OpenPlain {
  return (n, workers) => {
    const select = openSelection(n, ratio);
    const residuals = vectors(workers, n);
    const directions = vectors(workers, n);
    let step = 0;
    return (gradients) => {
      for (let r = 0; r < workers; r++) add(residuals[r], gradients[r]);
      descendAt(select(residuals[step++ % workers]), residuals, directions);
      return directions;
    };
  };
}

/**
 * ExDyna with equal partitions that stay as they are: each worker selects from a threshold on in its own, all send what
 * any selected. The threshold is that of k elements in the steps 0, 10, 20, 40, 80 and 160, else scaled.
 */
export function plainExDyna(ratio: number): OpenPlain {
  const measured = new Set([0, 10, 20, 40, 80, 160]);
  return (n, workers) => {
    const k = ratio * n;
    const residuals = vectors(workers, n);
    const directions = vectors(workers, n);
    const magnitudes = new Float32Array(n);
    const rooms = Array.from({ length: workers }, () => new Uint32Array(n));
    const bound = (partition: number): number => Math.floor((n * partition) / workers);
    let step = 0;
    let t = 0;
    let selected = 0;
    return (gradients) => {
      for (let r = 0; r < workers; r++) add(residuals[r], gradients[r]);
      /** Whose part of the vector each worker owns. */
      const parts = residuals.map((acc, r) => {
        const partition = (step + r) % workers;
        return { acc, start: bound(partition), end: bound(partition + 1) };
      });
      if (measured.has(step)) {
        for (const { acc, start, end } of parts)
          for (let i = start; i < end; i++) magnitudes[i] = Math.abs(acc[i]);
        t = kthLargest(magnitudes, Math.max(1, Math.round(k)));
      } else t *= selected > 1.1 * k ? 1.005 : selected > k ? 1.00125 : selected > 0.909 * k ? 0.9987 : 0.995;
      const lists = parts.map(({ acc, start, end }, r) => from(acc, t, start, end, rooms[r]));
      selected = lists.reduce((sum, { length }) => sum + length, 0);
      const union = new Uint32Array(selected);
      let at = 0;
      for (const list of lists) {
        union.set(list, at);
        at += list.length;
      }
      descendAt(union, residuals, directions);
      step++;
      return directions;
    };
  };
}

/** Signs and a mean magnitude up and down, errors on both sides. */
export const plainDoubleSqueeze: OpenPlain = (n, workers) => {
  const errors = vectors(workers, n);
  const messages = Array.from({ length: workers }, () => new Uint32Array(Math.ceil(n / 32)));
  const answer = openSignServer(n);
  const directions = vectors(workers, n);
  return (gradients) => {
    const scales = gradients.map((gradient, r) => {
      add(errors[r], gradient);
      return squeeze(errors[r], messages[r]);
    });
    const { bits, scale } = answer(messages, scales);
    for (const direction of directions) unpack(bits, scale, direction);
    return directions;
  };
};

/** As doubleSqueeze, but a worker adds what its signs lost to the answer of the same step. */
export const plainLiecSgd: OpenPlain = (n, workers) => {
  const directions = vectors(workers, n);
  const messages = Array.from({ length: workers }, () => new Uint32Array(Math.ceil(n / 32)));
  const answer = openSignServer(n);
  return (gradients) => {
    const scales = gradients.map((gradient, r) => {
      directions[r].set(gradient);
      return squeeze(directions[r], messages[r]);
    });
    const { bits, scale } = answer(messages, scales);
    for (const direction of directions) addSigns(bits, scale, direction);
    return directions;
  };
};

/** Flattened signs up and down, the scale of DRIVE in each block. */
export function plainFoSgd(block: number): OpenPlain {
  return (n, workers) => {
    const total = Math.ceil(n / block) * block;
    const flat = new Float32Array(total);
    const mean = new Float32Array(n);
    const directions = vectors(workers, n);
    let state = 1;
    /** The signs of a step and a sender, 32 a word: xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003). */
    const flip = (x: Float32Array): void => {
      for (let i = 0; i < total; i += 32) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        for (let bit = 0; bit < 32; bit++) if (((state >>> bit) & 1) !== 0) x[i + bit] = -x[i + bit];
      }
    };
    const encode = (x: Float32Array): { bits: Uint32Array; scales: Float32Array; seed: number } => {
      const seed = state;
      const bits = new Uint32Array(total / 32);
      const scales = new Float32Array(total / block);
      flat.set(x);
      flat.fill(0, n);
      flip(flat);
      transform(flat, block);
      for (let b = 0; b < scales.length; b++) {
        let squares = 0;
        let magnitudes = 0;
        for (let i = b * block; i < (b + 1) * block; i++) {
          squares += flat[i] * flat[i];
          magnitudes += Math.abs(flat[i]);
        }
        scales[b] = magnitudes > 0 ? squares / magnitudes / block : 0;
      }
      packSigns(flat, bits);
      return { bits, scales, seed };
    };
    const decode = ({ bits, scales, seed }: ReturnType<typeof encode>): Float32Array => {
      for (let b = 0; b < scales.length; b++)
        for (let i = b * block; i < (b + 1) * block; i++)
          flat[i] = ((bits[i >>> 5] >>> (i & 31)) & 1) !== 0 ? -scales[b] : scales[b];
      transform(flat, block);
      state = seed;
      flip(flat);
      return flat;
    };
    return (gradients) => {
      const messages = gradients.map(encode);
      mean.fill(0);
      for (const message of messages) {
        const x = decode(message);
        for (let i = 0; i < n; i++) mean[i] += x[i] / workers;
      }
      const answer = encode(mean);
      for (const direction of directions) direction.set(decode(answer).subarray(0, n));
      return directions;
    };
  };
}

function add(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += source[i];
}

interface List {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** The elements at these indices, which are zero in `x` afterwards. */
function taken(x: Float32Array, indices: Uint32Array): List {
  const values = new Float32Array(indices.length);
  for (let j = 0; j < indices.length; j++) {
    values[j] = x[indices[j]];
    x[indices[j]] = 0;
  }
  return { indices: indices.slice(), values };
}

function sumUp(lists: readonly List[], workers: number, into: Float32Array): void {
  into.fill(0);
  for (const { indices, values } of lists)
    for (let j = 0; j < indices.length; j++) into[indices[j]] += values[j] / workers;
}

/** The mean of the residuals at these indices, where they are zero afterwards. */
function descendAt(
  indices: Uint32Array,
  residuals: readonly Float32Array[],
  directions: readonly Float32Array[],
): void {
  const sums = new Float32Array(indices.length);
  for (const residual of residuals)
    for (let j = 0; j < indices.length; j++) {
      sums[j] += residual[indices[j]];
      residual[indices[j]] = 0;
    }
  for (const direction of directions) {
    direction.fill(0);
    for (let j = 0; j < indices.length; j++) direction[indices[j]] = sums[j] / residuals.length;
  }
}

/** Where |x_i| >= t in start..end - 1: a view of `room`. */
function from(x: Float32Array, t: number, start: number, end: number, room: Uint32Array): Uint32Array {
  let found = 0;
  for (let i = start; i < end; i++) if (Math.abs(x[i]) >= t) room[found++] = i;
  return room.subarray(0, found);
}

/** Selects the k largest magnitudes of vectors of n elements: ascending indices, in memory that is used again. */
function openSelection(n: number, ratio: number): (x: Float32Array) => Uint32Array {
  const k = Math.max(1, Math.floor(ratio * n + 1e-9));
  const magnitudes = new Float32Array(n);
  const indices = new Uint32Array(k);
  return (x) => {
    for (let i = 0; i < n; i++) magnitudes[i] = Math.abs(x[i]);
    const least = kthLargest(magnitudes, k);
    // elements equal to the least are taken as long as there is room
    let room = k;
    for (let i = 0; i < n; i++) if (Math.abs(x[i]) > least) room--;
    for (let i = 0, found = 0; i < n && found < k; i++) {
      const magnitude = Math.abs(x[i]);
      if (magnitude < least || (magnitude === least && room-- <= 0)) continue;
      indices[found++] = i;
    }
    return indices;
  };
}

/** The k-th largest by quickselect, the pivot the median of three; the order of `values` changes. */
function kthLargest(values: Float32Array, k: number): number {
  const wanted = values.length - k;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const [a, b, c] = [values[low], values[(low + high) >>> 1], values[high]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const value = values[i];
        values[i++] = values[j];
        values[j--] = value;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted];
}

/** x becomes what its signs and the mean magnitude leave of it. */
function squeeze(x: Float32Array, bits: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]);
  const scale = sum / x.length;
  packSigns(x, bits);
  for (let i = 0; i < x.length; i++) x[i] -= x[i] < 0 ? -scale : scale;
  return scale;
}

/** into = the signs times scale */
function unpack(bits: Uint32Array, scale: number, into: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] = ((bits[i >>> 5] >>> (i & 31)) & 1) !== 0 ? -scale : scale;
}

/** into += the signs times scale */
function addSigns(bits: Uint32Array, scale: number, into: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] += ((bits[i >>> 5] >>> (i & 31)) & 1) !== 0 ? -scale : scale;
}

/** The server of signs up and down: the mean and its error, as signs. */
function openSignServer(
  n: number,
): (
  messages: readonly Uint32Array[],
  scales: readonly number[],
) => { readonly bits: Uint32Array; readonly scale: number } {
  const error = new Float32Array(n);
  const bits = new Uint32Array(Math.ceil(n / 32));
  return (messages, scales) => {
    messages.forEach((message, r) => addSigns(message, scales[r] / messages.length, error));
    return { scale: squeeze(error, bits), bits };
  };
}
