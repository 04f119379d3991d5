/** Messages of limited size in Python: the bytes of the JavaScript, and what was cut by the one put together by the other. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openJoiner, splitMessage } from '../../ts/messages/index.ts';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';

const folder = fileURLToPath(new URL('../../python', import.meta.url));
const test = suite('messages in Python');

const CASES = [0, 1, 2, 3, 4, 5, 9, 10, 11, 235, 236, 237, 1000, 40_000].flatMap((length) =>
  [21, 30, 256, 16_384].map((limit) => ({ length, limit, id: (length * 65_537 + limit) >>> 0 })),
);
const bytesOf = (length: number): Uint8Array =>
  new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 255);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Runs lines of Python after `from fewbits import ...`, and gives what they print as JSON. */
async function script(interpreter: string, ...lines: string[]): Promise<unknown> {
  const start = [
    `import sys, json, random; sys.path.insert(0, ${JSON.stringify(folder)})`,
    'from fewbits import *',
    'def made(length): return bytes((i * 31 + (i >> 8)) & 255 for i in range(length))',
  ];
  const { stdout } = await promisify(execFile)(interpreter, ['-B', '-c', [...start, ...lines].join('\n')], {
    maxBuffer: 2 ** 27,
  });
  return JSON.parse(stdout);
}

test('the same bytes, and each language joins what the other has cut', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const cut = (await script(
    interpreter,
    `cases = json.loads('${JSON.stringify(CASES)}')`,
    'cut = [split_message(made(c["length"]), limit=c["limit"], id=c["id"]) for c in cases]',
    'print(json.dumps([[m.hex() for m in messages] for messages in cut]))',
  )) as string[][];
  assert.equal(
    cut,
    CASES.map(({ length, limit, id }) => splitMessage(bytesOf(length), { limit, id }).map(hex)),
  );
  for (const [i, { length, id }] of CASES.entries()) {
    const joiner = openJoiner();
    const whole = cut[i].toReversed().flatMap((message) => joiner.take(Buffer.from(message, 'hex')) ?? []);
    assert.is(whole.length, 1);
    assert.is(whole[0].id, id);
    assert.is(hex(whole[0].bytes), hex(bytesOf(length)));
  }
});

test('in Python: any order, twice, two senders, damage, what is held', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const said = await script(
    interpreter,
    'random.seed(1)',
    'joiner, got, sent = Joiner(longest=40_000), [], []',
    'for length in (0, 1, 3, 9, 100, 1000, 40_000):',
    '    for sender in "ab": sent += [(sender, m) for m in split_message(made(length), limit=900, id=length)]',
    'sent *= 2',
    'random.shuffle(sent)',
    'for sender, m in sent:',
    '    whole = joiner.take(m, sender)',
    '    if whole: got.append((sender, whole.id)); assert whole.bytes == made(whole.id)',
    'first, second = split_message(made(1000), limit=900, id=1)',
    'def refused(message):',
    '    try: joiner.take(message)',
    '    except PacketError as error: return str(error)',
    'held = joiner.held',
    'words = [refused(b""), refused(b"x" * 30), refused(first[:-1]), refused(split_message(made(40_001))[0])]',
    'joiner.take(first); words.append(refused(second[:-1] + b"?"))',
    'few = Joiner(unfinished=2)',
    'for id in range(5): few.take(split_message(made(1000), limit=900, id=id)[0])',
    'bounds = [few.held, few.dropped]; few.forget(); bounds += [few.held, few.dropped]',
    'drawn = len({split_message(b"")[0] for _ in range(9)})',
    'print(json.dumps([sorted(got), held, words, joiner.held, bounds, drawn]))',
  );
  const lengths = [0, 1, 3, 9, 100, 1000, 40_000];
  assert.equal(said, [
    ['a', 'b'].flatMap((sender) => lengths.map((length) => [sender, length])),
    0,
    [
      '0 bytes, fewer than the head of a message has (at byte 0)',
      'no piece of a message: it starts otherwise (at byte 0)',
      'part 0 of 2 has 499 bytes, expected 500 of 1000 (at byte 12)',
      'a whole of 40001 bytes; "longest" allows 40000 (at byte 8)',
      'the CRC of a whole of 1000 bytes does not match (at byte 16)',
    ],
    0,
    [2000, 3, 0, 5],
    9,
  ]);
});

test.run();
