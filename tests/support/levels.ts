/** Values for tests of levels (ts/kernels/levels.ts). */
import { floatOf } from '../../ts/kernels/float-bits.ts';
import { wordsOf } from '../../ts/kernels/scope.ts';
import { input } from './inputs.ts';

/** Values with one above the rest, equal ones, equal but for the last place, and sizes at which sums are scaled. */
export function* shapes(n: number): Generator<{ name: string; values: Float32Array }> {
  const [normal, noise] = [input('normal', n), input('heavy', n, 2)];
  const near = (bits: number, spread: number): Float32Array =>
    Float32Array.from({ length: n }, (_, i) => floatOf(bits + (wordsOf(noise)[i] % spread)));
  yield { name: 'normal', values: normal };
  yield { name: 'heavy', values: noise };
  yield { name: 'one above', values: normal.map((_, i) => (i === n >> 1 ? -3e30 : 0.75)) };
  yield { name: 'equal', values: normal.map((value) => Math.sign(value) * 0.1) };
  yield { name: 'near 1', values: near(0x3f800000, 3) };
  // between two bfloat16: which way they are rounded turns on the last place
  yield { name: 'near a middle', values: near(0x3f807fff, 3) };
  yield { name: 'the largest', values: near(0x7f7ffffd, 3) };
  yield { name: 'the least normal', values: near(0x007ffffe, 4) };
  yield { name: 'subnormal', values: near(1, 1000) };
  for (const exponent of [-126, -110, -61, -60, 94, 95, 110, 125])
    yield { name: `2^${exponent}`, values: normal.map((value) => value * 2 ** exponent) };
  // low values of another scaling than the high ones
  yield { name: 'far apart', values: normal.map((value, i) => value * (i % 3 === 0 ? 2 ** 120 : 2 ** -80)) };
}
