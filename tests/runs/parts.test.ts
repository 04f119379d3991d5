/** Messages in parts: any order, twice, with parts of others between them, damaged. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { HEAD_BYTES, KINDS, readHead, type Kind, type RunMessage } from '../../ts/runs/wire/head.ts';
import { Assembler, partsOf, type Assembled } from '../../ts/runs/wire/parts.ts';
import { crc32 } from '../../ts/packet/crc32.ts';
import { suite } from '../support/suite.ts';

const test = suite('messages in parts');

const head = { kind: 'server', rank: 3, run: 0xfedcba98, step: 70_000, round: 2, chain: 0x89abcdef } as const;

function message(length: number, seed = 1, more: Partial<RunMessage> = {}): RunMessage {
  const bytes = new Uint8Array(length).map((_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255);
  return { ...head, bytes, ...more };
}

const anyMessage = fc.record<RunMessage>({
  kind: fc.constantFrom(...(Object.keys(KINDS) as Kind[])),
  rank: fc.nat(0xffff),
  run: fc.nat(0xffffffff),
  step: fc.nat(0xffffffff),
  round: fc.nat(0xffff),
  chain: fc.nat(0xffffffff),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

const whole = (taken: readonly Assembled[]): RunMessage[] =>
  taken.flatMap((one) => (one.kind === 'whole' ? [one.message] : []));

test('lengths around one part, two and many, put together again', () => {
  for (const limit of [HEAD_BYTES + 1, HEAD_BYTES + 10, 256, 4096])
    for (const length of [0, 1, 9, 10, 11, 223, 224, 225, 1000]) {
      const given = message(length);
      const parts = partsOf(given, limit);
      const room = limit - HEAD_BYTES;
      assert.is(parts.length, Math.max(1, Math.ceil(length / room)));
      assert.ok(parts.every((part) => part.length <= limit));
      assert.is(
        parts.reduce((sum, part) => sum + part.length, 0),
        length + parts.length * HEAD_BYTES,
      );
      const assembler = new Assembler(1000);
      const taken = parts.map((part) => assembler.add('a', part));
      assert.equal(whole(taken), [given]);
      const last = taken[taken.length - 1];
      assert.is(last.kind === 'whole' && last.crc, crc32(given.bytes));
    }
});

test('any messages of two senders, their parts shuffled and some twice', () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: HEAD_BYTES + 1, max: 200 }),
      fc.infiniteStream(fc.nat(1000)),
      (messages, limit, draws) => {
        const sent = messages.flatMap((one, i) =>
          partsOf(one, limit).map((part) => ({ part, sender: `${i % 2}` })),
        );
        const parts = [...sent, ...sent.filter(() => (draws.next().value as number) % 3 === 0)]
          .map((one) => ({ one, key: draws.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        const assembler = new Assembler(300);
        const got = whole(parts.map(({ part, sender }) => assembler.add(sender, part)));
        for (const one of messages) assert.ok(got.some((other) => same(one, other)));
        for (const other of got) assert.ok(messages.some((one) => same(one, other)));
      },
    ),
    { numRuns: 300 },
  );
});

function same(a: RunMessage, b: RunMessage): boolean {
  return JSON.stringify({ ...a, bytes: [...a.bytes] }) === JSON.stringify({ ...b, bytes: [...b.bytes] });
}

test('a part that is lost leaves its message out, and nothing else', () => {
  const assembler = new Assembler(1000);
  const [one, two] = [message(100, 1), message(100, 2, { step: 70_001 })];
  const parts = [...partsOf(one, 60).filter((_, i) => i !== 2), ...partsOf(two, 60)];
  assert.equal(whole(parts.map((part) => assembler.add('a', part))), [two]);
  // when it is sent again it is whole with the part that was missing
  assert.equal(assembler.add('a', partsOf(one, 60)[0]), { kind: 'again' });
  assert.is(assembler.add('a', partsOf(one, 60)[2]).kind, 'whole');
});

test('of a sender at most four are kept incomplete', () => {
  const assembler = new Assembler(1000);
  const begun = Array.from({ length: 5 }, (_, step) => partsOf(message(100, 1, { step }), 100));
  for (const [first] of begun) assert.is(assembler.add('a', first).kind, 'more');
  assert.is(assembler.add('b', begun[0][0]).kind, 'more');
  for (const [, second] of begun.slice(1)) assert.is(assembler.add('a', second).kind, 'whole');
  assert.is(assembler.add('a', begun[0][1]).kind, 'more', 'the oldest has made room');
  assembler.forget('a');
  assert.is(assembler.add('a', begun[0][0]).kind, 'more');
});

test('no byte of a part may change: each damaged message is refused, or never whole', () => {
  const given = message(90);
  for (const limit of [60, 200]) {
    const parts = partsOf(given, limit);
    for (const [i, part] of parts.entries())
      for (let byte = 0; byte < part.length; byte++)
        for (const bit of [1, 128]) {
          const assembler = new Assembler(1000);
          const spoiled = part.slice();
          spoiled[byte] ^= bit;
          const taken = parts.map((one, j) => assembler.add('a', i === j ? spoiled : one));
          assert.equal(whole(taken), [], `limit ${limit}, part ${i}, byte ${byte}`);
        }
  }
});

test('garbage is refused in words, and allocates nothing', () => {
  const assembler = new Assembler(1000);
  const refused = (part: Uint8Array, words: RegExp): void => {
    const taken = assembler.add('a', part);
    assert.match(taken.kind === 'refused' ? taken.reason : taken.kind, words);
  };
  refused(new Uint8Array(0), /fewer than a head/);
  refused(new TextEncoder().encode('hello, this is text and not a head at all'), /version 104/);
  refused(partsOf(message(1001), 4096)[0], /1001 bytes, more than 1000/);
  refused(partsOf(message(100), 4096)[0].subarray(0, 90), /has 58 bytes, expected 100 of 100/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.not.equal(assembler.add('a', bytes).kind, 'whole');
    }),
  );
});

test('a message is a copy of what came from the network', () => {
  const [part] = partsOf(message(50), 4096);
  const taken = new Assembler(1000).add('a', part);
  part.fill(0);
  assert.equal(whole([taken]), [message(50)]);
});

test('heads say what was written', () => {
  const [part] = partsOf(message(50), 4096);
  const read = readHead(part);
  assert.ok(typeof read !== 'string');
  assert.equal({ ...(read as object), crc: 0 }, { ...head, part: 0, parts: 1, length: 50, crc: 0 });
});

test('a message of too many parts is an error of the caller', () => {
  assert.throws(() => partsOf(message(66_000), HEAD_BYTES + 1), /expected/);
});

test.run();
