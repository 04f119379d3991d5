/** 16-bit floats as the list of all their magnitudes, and rounding as a search for the nearest of them. */

/** Magnitudes by their bits: sign, `exponentBits` of exponent, `fractionBits` of fraction, as IEEE 754 has them. */
function magnitudes(exponentBits: number, fractionBits: number): Float64Array {
  const bias = 2 ** (exponentBits - 1) - 1;
  const fractions = 2 ** fractionBits;
  // all but the last exponent, which is that of infinity and NaN
  return Float64Array.from({ length: (2 ** exponentBits - 1) * fractions }, (_, bits) => {
    const exponent = Math.floor(bits / fractions);
    const fraction = (bits % fractions) / fractions;
    return exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  });
}

export const FORMATS: Readonly<Record<'bfloat16' | 'float16', Float64Array>> = {
  bfloat16: magnitudes(8, 7),
  float16: magnitudes(5, 10),
};

/** The bits of the magnitude nearest to |x|, the even ones among two as near; the largest for what is beyond. */
export function nearestHalf(x: number, list: Float64Array): number {
  const size = Math.abs(x);
  let low = 0;
  let high = list.length - 1;
  if (size >= list[high]) return high;
  // list[low] <= size < list[high]
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - list[low], list[high] - size];
  if (below === above) return low % 2 === 0 ? low : high;
  return below < above ? low : high;
}

/** x rounded to a format, as float32. */
export function roundedTo(format: 'bfloat16' | 'float16', x: Float32Array): Float32Array {
  const list = FORMATS[format];
  return x.map((value) => {
    const size = list[nearestHalf(value, list)];
    return value < 0 || Object.is(value, -0) ? -size : size;
  });
}
