/**
 * Normal numbers from random bits, the same float64 in every runtime: the quantile function of M. J. Wichura,
 * "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37(3), 1988, PPND16, exact
 * to about 1 part in 10^16. Nothing but additions, products, quotients and square roots, which JavaScript defines to
 * the bit; Math.log it does not, so that the logarithm is a series here.
 */

/** Central part, |p - 0.5| <= 0.425. */
const A = [
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
  45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727,
];
const B = [
  1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867,
  39307.89580009271061, 28729.085735721942674, 5226.495278852854561,
];
/** Tails down to about e^-25. */
const C = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
  1.27045825245236838258, 0.24178072517745061177, 0.0227238449892691845833, 0.00077454501427834140764,
];
const D = [
  1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455, 0.14810397642748007459,
  0.0151986665636164571966, 0.0005475938084995344946, 1.05075007164441684324e-9,
];
/** Tails beyond. */
const E = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 0.29656057182850489123,
  0.026532189526576123093, 0.0012426609473880784386, 0.0000271155556874348757815, 2.01033439929228813265e-7,
];
const F = [
  1, 0.59983220655588793769, 0.13692988092273580531, 0.0148753612908506148525, 0.0007868691311456132591,
  0.000018463183175100546818, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
];

/** The polynomial with these coefficients, the constant first. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

const ratio = (over: readonly number[], under: readonly number[], x: number): number =>
  polynomial(over, x) / polynomial(under, x);

/** The natural logarithm of x in 0..1, above 0: x = m 2^-k, log m = 2 artanh((m - 1) / (m + 1)). */
export function logarithm(x: number): number {
  let k = 0;
  let m = x;
  for (; m < 0.7071067811865476; k++) m *= 2;
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let power = 23; power >= 1; power -= 2) sum = sum * s * s + 1 / power;
  return 2 * s * sum - k * 0.6931471805599453;
}

/** The number that a normal one is below with probability p, in 0..1, both excluded. */
export function quantile(p: number): number {
  const q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) return q * ratio(A, B, 0.180625 - q * q);
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p));
  const tail = r <= 5 ? ratio(C, D, r - 1.6) : ratio(E, F, r - 5);
  return q < 0 ? -tail : tail;
}

/** A normal number of 52 of the bits of two words: the least and the greatest are 8.2 from 0. */
export function normalOf(high: number, low: number): number {
  return quantile(((high >>> 0) * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52);
}
