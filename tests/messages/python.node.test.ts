/**
 * Messages of limited size in Python: the bytes of the JavaScript, and what was cut by the one put together by the
 * other.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openJoiner, splitMessage } from '../../ts/messages/index.ts';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { words } from '../support/inputs.ts';
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

/** A step of a schedule: a message that a sender's joiner takes, or that it is forgotten. */
type Move = { readonly sender: string; readonly message?: string };

/** What a joiner made of a move: what is whole with it, or the error; and what it says of itself then. */
type Made = [whole: [id: number, bytes: string] | string | null, held: number, dropped: number];

const LONGEST = 400;
const UNFINISHED = 2;

/**
 * Messages of few wholes of up to three senders, of one piece or several, in any order: twice and more, lost, damaged,
 * of a whole that is too long; and who is forgotten.
 */
function scheduleOf(seed: number): Move[] {
  const next = words(seed);
  const below = (n: number): number => next() % n;
  const senders = ['', 'a', 'worker 3'];
  const begun = Array.from({ length: 3 + below(5) }, (_, whole) =>
    splitMessage(bytesOf(below(8) === 0 ? below(3) : below(LONGEST + 20)), {
      limit: [21 + below(20), 60, 200, 500][below(4)],
      id: below(3) === 0 ? 7 : whole,
    }).map((message) => ({ sender: senders[below(3)], message })),
  );
  const moves: Move[] = [];
  for (const { sender, message } of begun.flat())
    for (let times = [0, 1, 1, 1, 1, 1, 1, 2][below(8)]; times > 0; times--) {
      const taken = message.slice();
      if (below(12) === 0) taken[below(taken.length)] ^= 1 << below(8);
      const cut = below(24) === 0 ? below(taken.length) : taken.length;
      const from = below(16) === 0 ? senders[below(3)] : sender;
      const move = { sender: from, message: hex(taken.subarray(0, cut)) };
      // mostly in order, so that wholes come about; else anywhere
      moves.splice(below(3) > 0 ? moves.length : below(moves.length + 1), 0, move);
      if (below(40) === 0) moves.push({ sender: senders[below(3)] });
    }
  return moves;
}

/** What a joiner in JavaScript makes of a schedule. */
function madeOf(moves: readonly Move[]): Made[] {
  const joiner = openJoiner({ longest: LONGEST, unfinished: UNFINISHED });
  return moves.map(({ sender, message }) => {
    let whole: Made[0] = null;
    try {
      if (message === undefined) joiner.forget(sender);
      else {
        const joined = joiner.take(Buffer.from(message, 'hex'), sender);
        if (joined !== undefined) whole = [joined.id, hex(joined.bytes)];
      }
    } catch (error) {
      whole = String((error as Error).message);
    }
    return [whole, joiner.held, joiner.dropped];
  });
}

test('message for message, joiners of both languages give, hold, drop and refuse the same', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  const schedules = Array.from({ length: 400 }, (_, seed) => scheduleOf(seed + 1));
  writeFileSync(`${folder}/schedules.json`, JSON.stringify(schedules));
  const made = (await script(
    interpreter,
    `schedules = json.load(open(${JSON.stringify(`${folder}/schedules.json`)}))`,
    'def outcome(joiner, move):',
    '    try:',
    '        if "message" not in move: joiner.forget(move["sender"]); return None',
    '        whole = joiner.take(bytes.fromhex(move["message"]), move["sender"])',
    '        return whole and [whole.id, whole.bytes.hex()]',
    '    except PacketError as error: return str(error)',
    'def run(moves):',
    `    joiner = Joiner(longest=${LONGEST}, unfinished=${UNFINISHED})`,
    '    return [[outcome(joiner, move), joiner.held, joiner.dropped] for move in moves]',
    'print(json.dumps([run(moves) for moves in schedules]))',
  )) as Made[][];
  rmSync(folder, { recursive: true });
  const expected = schedules.map(madeOf);
  expected.forEach((one, i) => assert.equal(made[i], one, `seed ${i + 1}`));
  // the schedules do what they are for: much comes whole, much is given up, of one piece too while others wait
  const all = expected.flat();
  const whole = all.filter(([what]) => Array.isArray(what)).length;
  const refused = all.filter(([what]) => typeof what === 'string').length;
  const dropped = expected.reduce((sum, one) => sum + (one.at(-1)?.[2] ?? 0), 0);
  assert.ok(
    whole > 400 && refused > 400 && dropped > 400,
    `${whole} whole, ${refused} refused, ${dropped} dropped`,
  );
});

test('a whole of one piece takes no room from those that wait', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const said = await script(
    interpreter,
    'first, second = split_message(b"0123456789", limit=25, id=1)',
    'joiner = Joiner(unfinished=1)',
    'taken = [joiner.take(m) for m in (first, *split_message(b"x", limit=25, id=2), second)]',
    'print(json.dumps([[whole and whole.id for whole in taken], joiner.held, joiner.dropped]))',
  );
  assert.equal(said, [[null, 2, 1], 0, 0]);
});

test('in Python: what a whole claims costs nothing before it comes, nor do many that wait', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const said = (await script(
    interpreter,
    'import struct, time, tracemalloc',
    'def first(id, length, parts): return struct.pack("<4sIIHHI", b"fbm1", id, length, 0, parts, 0) + bytes(length // parts)',
    'joiner = Joiner()',
    'tracemalloc.start()',
    'for id in range(100): joiner.take(first(id, 2**26, 2**12))',
    'peak, held = tracemalloc.get_traced_memory()[1], joiner.held',
    'tracemalloc.stop()',
    'def seconds(unfinished, times=20_000):',
    '    joiner, messages = Joiner(unfinished=unfinished), [first(id, 2, 2) for id in range(unfinished + times)]',
    '    for message in messages[:unfinished]: joiner.take(message)',
    '    start = time.perf_counter()',
    '    for message in messages[unfinished:]: joiner.take(message)',
    '    assert joiner.dropped == times',
    '    return time.perf_counter() - start',
    'few, many = seconds(16), seconds(65_535)',
    'print(json.dumps([peak, held, few, many]))',
  )) as number[];
  const [peak, held, few, many] = said;
  assert.is(held, 16 * 2 ** 26);
  assert.ok(peak < 2 ** 24, `${peak} bytes for 100 wholes that claim 64 MiB each`);
  assert.ok(many < 20 * few + 0.5, `20,000 evictions: ${few} s of 16, ${many} s of 65,535`);
});

test.run();
