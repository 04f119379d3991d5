/** float32 in big integers, as whole numbers of 2^-149: sums and products that never round, and rounding once. */

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The float32 with these bits. */
export function floatWith(bits: number): number {
  word[0] = bits;
  return real[0];
}

/** A float32, which is finite, in units of 2^-149. */
export function units(x: number): bigint {
  real[0] = x;
  const exponent = (word[0] >>> 23) & 0xff;
  const fraction = word[0] & 0x7fffff;
  const magnitude = exponent === 0 ? BigInt(fraction) : BigInt(fraction | 0x800000) << BigInt(exponent - 1);
  return word[0] >>> 31 === 0 ? magnitude : -magnitude;
}

/** n / 2^shift to the nearest whole number, half to even. n >= 0. */
export function halfToEven(n: bigint, shift: number): bigint {
  const below = n >> BigInt(shift);
  const twice = (n - (below << BigInt(shift))) * 2n;
  const one = 1n << BigInt(shift);
  return twice > one || (twice === one && below % 2n === 1n) ? below + 1n : below;
}

/** The float32 nearest to n * 2^exponent, half to even; as if exponents had no end. */
export function nearest(n: bigint, exponent: number): number {
  if (n < 0n) return -nearest(-n, exponent);
  const extra = Math.max(n.toString(2).length - 24, 0);
  return Number(halfToEven(n, extra)) * 2 ** (extra + exponent);
}

/** The float32 before and after x > 0. */
function neighbours(x: number): [number, number] {
  real[0] = x;
  const bits = word[0];
  return [floatWith(bits - 1), floatWith(bits + 1)];
}

/** Whether q is the float32 nearest to a / b, all positive: q * b is nearer to a than a neighbour of q times b. */
export function isQuotient(q: number, a: number, b: number): boolean {
  const off = (candidate: number): bigint => {
    const difference = units(candidate) * units(b) - (units(a) << 149n);
    return difference < 0n ? -difference : difference;
  };
  // Never equally near: the middle of two float32 has 25 bits, and so has its product with b, one more than a.
  return neighbours(q).every((neighbour) => off(q) < off(neighbour));
}

/** Whether r is the float32 nearest to the root of s, both positive: s lies between the squares of its middles. */
export function isRoot(r: number, s: number): boolean {
  const [below, above] = neighbours(r);
  const squareOfTwice = units(s) << 151n;
  return (units(below) + units(r)) ** 2n < squareOfTwice && squareOfTwice < (units(r) + units(above)) ** 2n;
}
