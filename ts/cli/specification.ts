/** A compressor from the command line: `top-k:ratio=0.01`, its name in kebab case and its options. */
import type { Compressor } from '../compressors/compressor.ts';
import { FACTORIES } from '../algorithms/named-compressor.ts';
import { quoted } from '../files/quote.ts';
import { nearest } from '../nearest.ts';
import { UsageError } from './usage.ts';

/** An example of each compressor, by its name in kebab case. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'top-k': 'top-k:ratio=0.01',
  threshold: 'threshold:t=0.01',
  'random-k': 'random-k:ratio=0.01,seed=7',
  'randomized-top-k': 'randomized-top-k:ratio=0.01,alpha=0.1,seed=7',
  'mask-encoded': 'mask-encoded:ratio=0.01,bits=2',
  quantized: 'quantized:bits=4',
  qsgd: 'qsgd:levels=7,seed=7',
  'scaled-sign': 'scaled-sign:block=4096',
  'block-top-k': 'block-top-k:block=4096,k=64,bits=2',
  'dithered-sign': 'dithered-sign:seed=7',
  'flattened-one-bit': 'flattened-one-bit:seed=9,lambda=max,block=4096',
  'flattened-levels': 'flattened-levels:seed=9,bits=3,scale=least',
  float32: 'float32',
};

/** `top-k` as the factory is called: `topK`. */
const inCode = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** One example for each compressor. */
export function examples(): string[] {
  return Object.values(EXAMPLES);
}

/** @throws UsageError with what is wrong */
export function parseCompressor(text: string): Compressor {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const example = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined;
  if (example === undefined) {
    const known = Object.keys(EXAMPLES);
    const close = nearest(name, known);
    const advice = close === undefined ? `known are ${known.join(', ')}` : `did you mean ${close}?`;
    throw new UsageError(`unknown compressor ${quoted(name)}; ${advice}`);
  }
  // without a prototype, so that no name is set aside: __proto__ is an option that no compressor has
  const options = Object.create(null) as Record<string, string | number | boolean>;
  if (colon === text.length - 1)
    throw new UsageError(`${quoted(text)} expected NAME=VALUE after its colon, as in ${example}`);
  for (const pair of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [key, value, ...rest] = pair.split('=');
    if (!key || !value || rest.length > 0)
      throw new UsageError(`${quoted(pair)} expected NAME=VALUE, as in ${example}`);
    if (Object.hasOwn(options, key)) throw new UsageError(`${quoted(key)} expected one value, got two`);
    options[key] = valueOf(value);
  }
  try {
    return FACTORIES[inCode(name)](options as never);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    // of a count that is left out, in the words of the command line
    const [expected] = error.message
      .replace(/^\w+ (?=expected either)/, `${name} `)
      .split(', got k undefined');
    throw new UsageError(expected === error.message ? expected : `${expected}, as in ${example}`);
  }
}

/** A count of elements: 65536, 1e6 or 2^20. @throws UsageError unless it is an integer in 1..most */
export function parseCount(option: string, text: string, most: number): number {
  const [, base, exponent] = /^(\d+)\^(\d+)$/.exec(text) ?? [];
  const count = base === undefined ? Number(text) : Number(base) ** Number(exponent);
  if (!/^\d/.test(text) || !Number.isInteger(count) || count < 1 || count > most)
    throw new UsageError(
      `${option} expected an integer in 1..${most}, as 1000000, 1e6 or 2^20, got ${quoted(text)}`,
    );
  return count;
}

/** A number or a truth value where the text is one, else the text. */
function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return Number.isNaN(Number(text)) ? text : Number(text);
}
