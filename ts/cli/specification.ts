/** A compressor from the command line: `top-k:ratio=0.01`, its name in kebab case and its options. */
import type { Compressor } from '../compressors/compressor.ts';
import { float32 } from '../compressors/float32.ts';
import { randomK } from '../compressors/random-k.ts';
import { scaledSign } from '../compressors/scaled-sign.ts';
import { threshold } from '../compressors/threshold.ts';
import { topK } from '../compressors/top-k.ts';

/** The factories by name, each with an example. The options' rules are the factories' own. */
const factories: Record<string, { make: (options: never) => Compressor; example: string }> = {
  'top-k': { make: topK, example: 'top-k:ratio=0.01' },
  threshold: { make: threshold, example: 'threshold:t=0.01' },
  'random-k': { make: randomK, example: 'random-k:ratio=0.01,seed=7' },
  'scaled-sign': { make: scaledSign, example: 'scaled-sign:block=4096' },
  float32: { make: float32, example: 'float32' },
};

/** One example for each compressor. */
export function examples(): string[] {
  return Object.values(factories).map(({ example }) => example);
}

/** @throws RangeError or TypeError with what is wrong */
export function parseCompressor(text: string): Compressor {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const factory = Object.hasOwn(factories, name) ? factories[name] : undefined;
  if (factory === undefined)
    throw new RangeError(`unknown compressor "${name}"; known are ${Object.keys(factories).join(', ')}`);
  const options: Record<string, string | number> = {};
  for (const pair of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [key, value, ...rest] = pair.split('=');
    if (!key || !value || rest.length > 0)
      throw new RangeError(`"${pair}" expected NAME=VALUE, as in ${factory.example}`);
    options[key] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  return factory.make(options as never);
}
