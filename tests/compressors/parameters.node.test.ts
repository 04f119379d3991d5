/** What a compressor says of all its packets for n elements is what the golden packets have. */
import * as assert from 'uvu/assert';
import * as fewbits from '../../ts/index.ts';
import type { Compressor } from '../../ts/index.ts';
import { goldens, type Golden } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

const test = suite('parameters that follow from the options');

const factories = fewbits as unknown as Record<string, (options: Golden['options']) => Compressor>;

/** What depends on the vector, or on the draw. */
const LEFT_OUT: Record<string, readonly string[]> = {
  topK: ['coding'],
  threshold: ['k', 'coding'],
  randomizedTopK: ['coding'],
  randomK: ['step', 'stream'],
  quantized: ['low', 'high'],
  qsgd: ['norm'],
  ditheredSign: ['lambda'],
  maskEncoded: ['signed'],
  flattenedOneBit: ['step', 'stream'],
  blockTopK: ['coding'],
};

// no compressor makes lists of their own, nor masks that keep every element
for (const { name, compressor, options, n, parameters } of goldens.filter(
  ({ compressor, options }) =>
    compressor !== 'indexList' &&
    !(compressor === 'maskEncoded' && (options as { ratio: number }).ratio === 1),
))
  test(name, () => {
    const said = factories[compressor](options).parameters?.(n) ?? {};
    for (const [parameter, value] of Object.entries(said)) assert.is(parameters[parameter], value, parameter);
    const missing = Object.keys(parameters).filter((parameter) => !(parameter in said));
    assert.equal(
      missing.filter((parameter) => !(LEFT_OUT[compressor] ?? []).includes(parameter)),
      [],
    );
  });

test.run();
