/** python/fewbits.py over the golden packets, sound and damaged: what it makes of them, and what JavaScript does. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import { inspect, type Inspection } from '../../ts/inspect.ts';
import { FOLDER, goldens } from '../support/golden.ts';
import { input } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { device, pythonFor } from './interpreter.ts';

/** What tests/vectors/check.py prints. */
interface Seen {
  readonly decoded: Readonly<Record<string, boolean>>;
  readonly encoded: Readonly<Record<string, boolean>>;
  readonly inspected: Readonly<Record<string, Inspection>>;
  readonly damaged: { readonly accepted: number; readonly refused: number; readonly messages: number };
  /** What was raised that is no PacketError. */
  readonly other: readonly string[];
  /** The most bytes that a damaged packet took. */
  readonly mostMemory: number;
}

const test = suite('python, golden packets');
const python = pythonFor(test);
let seen: Seen;

test.before(async () => {
  if (python.missing) return;
  for (const { name, n, input: made } of goldens)
    writeFileSync(python.at(`${name}.f32`), new Uint8Array(input(made.kind, n, made.seed).buffer));
  const { stdout } = await python.run(`${FOLDER}/check.py`, python.at(''), python.at('damaged'));
  seen = JSON.parse(stdout) as Seen;
});

/** The names of the packets for which something does not hold. */
const wrong = (results: Readonly<Record<string, boolean>>): string[] =>
  Object.keys(results).filter((name) => !results[name]);

test('decodes every golden packet to the same bits', () => {
  if (python.missing) return skip(python.missing);
  assert.is(Object.keys(seen.decoded).length, goldens.length);
  assert.equal(wrong(seen.decoded), []);
});

/** What Python has encoders of. */
const ENCODERS = [
  'topK',
  'scaledSign',
  'float32',
  'quantized',
  'flattenedOneBit',
  'indexList',
  'blockTopK',
  'plan',
  'flattenedLevels',
];

test(`makes the golden packets of ${ENCODERS.join(', ')}, byte for byte`, () => {
  if (python.missing) return skip(python.missing);
  // of plans that whose compressors Python has
  const own = goldens.filter(
    ({ compressor, options: { of = 'network' } }) => ENCODERS.includes(compressor) && of === 'network',
  );
  assert.is(Object.keys(seen.encoded).length, own.length);
  assert.equal(wrong(seen.encoded), []);
});

test('inspects as JavaScript does', () => {
  if (python.missing) return skip(python.missing);
  for (const { name, packet } of goldens) assert.equal(seen.inspected[name], inspect(packet), name);
});

test('damaged packets raise PacketError or decode, and take little memory', () => {
  if (python.missing) return skip(python.missing);
  const { accepted, refused, messages } = seen.damaged;
  assert.equal(seen.other, []);
  assert.is(accepted + refused, 4000);
  assert.ok(refused > 2000 && accepted > 100 && messages > 100, JSON.stringify(seen.damaged));
  assert.ok(seen.mostMemory < 2 ** 21, `a packet of a few KiB took ${seen.mostMemory} bytes`);
});

/** Whether the two may word a refusal differently, or meet another of several faults first. */
function saysItsOwn(compressor: number, message: string): boolean {
  if (/format version|maxElements|levels from|index list|bitmap/.test(message)) return true;
  // those with index lists
  return /^(part \d+: )?the bits beyond/.test(message) && [1, 3, 6, 12, 13, 15].includes(compressor);
}

test('of damaged packets, JavaScript refuses the same, and what decodes is the same vector', async () => {
  if (python.missing) return skip(python.missing);
  const file = readFileSync(python.at('damaged'));
  let same = 0;
  for (let at = 0; at < file.length;) {
    const take = (length: number): Buffer => file.subarray(at, (at += length));
    const [bytes, text, vector] = [take(4), take(4), take(4)].map((word) => word.readUInt32LE());
    const packet = new Uint8Array(take(bytes));
    const message = take(text).toString();
    const decoded = new Uint8Array(take(vector));
    const javascript = await device.decompress(packet, { maxElements: 10_000 }).catch((error: unknown) => {
      if (!(error instanceof PacketError)) throw error;
      return error;
    });
    if (javascript instanceof PacketError) {
      assert.ok(message, `JavaScript refuses a packet that Python decodes: ${javascript.message}`);
      if (saysItsOwn(packet[5], javascript.message)) continue;
      assert.is(message, javascript.message, 'why Python refuses a packet');
      same++;
    } else if (message) assert.unreachable(`Python refuses a packet that JavaScript decodes: ${message}`);
    else assertWords(new Uint32Array(decoded.buffer), new Uint32Array(javascript.buffer), 'a damaged packet');
  }
  assert.ok(same > 2000, `only ${same} messages were compared`);
});

test.run();
