/** What a compressor says of all its packets for n elements is what the golden packets have. */
import * as assert from 'uvu/assert';
import { compressorOf } from '../../ts/verify/golden.ts';
import { goldens } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

const test = suite('parameters that follow from the options');

/** What depends on the vector, or on the draw. */
const LEFT_OUT: Record<string, readonly string[]> = {
  topK: ['coding'],
  threshold: ['k', 'coding'],
  randomizedTopK: ['coding'],
  randomK: ['step', 'stream'],
  quantized: ['low', 'high', 'coding'],
  qsgd: ['norm', 'coding'],
  ditheredSign: ['lambda'],
  maskEncoded: ['signed', 'coding'],
  flattenedOneBit: ['step', 'stream'],
  flattenedLevels: ['step', 'stream', 'coding'],
  blockTopK: ['coding'],
};

for (const golden of goldens) {
  const { name, compressor, n, parameters } = golden;
  const made = compressorOf(golden, n);
  // no compressor makes lists of their own, nor masks that keep every element
  if (made === undefined) continue;
  test(name, () => {
    const said = made.parameters?.(n) ?? {};
    for (const [parameter, value] of Object.entries(said)) assert.is(parameters[parameter], value, parameter);
    const missing = Object.keys(parameters).filter((parameter) => !(parameter in said));
    assert.equal(
      missing.filter((parameter) => !(LEFT_OUT[compressor] ?? []).includes(parameter)),
      [],
    );
  });
}

test.run();
