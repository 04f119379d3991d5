/**
 * Bytes cut to messages and put together again: any order, twice, lost, damaged, from several, and what is held
 * meanwhile.
 */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { openJoiner, splitMessage, type Joiner } from '../../ts/messages/index.ts';
import { throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('messages of limited size');

const HEAD = 20;

const bytesOf = (length: number, seed = 1): Uint8Array =>
  new Uint8Array(length).map((_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255);

/** What is whole with one message after the other. */
const joined = (joiner: Joiner, messages: readonly Uint8Array[]): { id: number; bytes: Uint8Array }[] =>
  messages.flatMap((message) => joiner.take(message) ?? []);

function refused(work: () => unknown, words: RegExp): void {
  assert.throws(work, (error: unknown) => error instanceof PacketError && words.test(error.message));
}

test('lengths around one message, two and many; all within the limit', () => {
  for (const limit of [HEAD + 1, HEAD + 10, 256, 16_384])
    for (const length of [0, 1, 9, 10, 11, 235, 236, 237, 1000, 16_364, 16_365]) {
      const bytes = bytesOf(length);
      const messages = splitMessage(bytes, { limit, id: 7 });
      assert.is(messages.length, Math.max(1, Math.ceil(length / (limit - HEAD))));
      assert.ok(messages.every((message) => message.length <= limit && message.byteOffset === 0));
      const joiner = openJoiner();
      assert.equal(joined(joiner, messages), [{ id: 7, bytes }]);
      assert.is(joiner.held, 0);
    }
});

test('16,384 bytes are the limit where none is given', () => {
  const messages = splitMessage(bytesOf(40_000));
  assert.is(Math.max(...messages.map(({ length }) => length)), Math.ceil(40_000 / 3) + HEAD);
  assert.is(splitMessage(bytesOf(16_364)).length, 1);
  assert.is(splitMessage(bytesOf(16_365)).length, 2);
});

test('the bytes of a message are those of docs/messages.md', () => {
  const hex = splitMessage(new TextEncoder().encode('123456789'), { limit: 25, id: 0x01020304 }).map(
    (message) => [...message].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
  );
  assert.equal(hex, [
    '66626d31' + '04030201' + '09000000' + '0000' + '0200' + '81f0a986' + '3132333435',
    '66626d31' + '04030201' + '09000000' + '0100' + '0200' + '81f0a986' + '36373839',
  ]);
});

test('any wholes of any senders, shuffled, some messages twice or more: each comes out once', () => {
  const anyWhole = fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    sender: fc.constantFrom('a', 'b', 'c'),
    limit: fc.integer({ min: HEAD + 1, max: 200 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyWhole, { minLength: 1, maxLength: 6 }),
      fc.infiniteStream(fc.nat(1000)),
      (wholes, draws) => {
        const draw = (): number => draws.next().value as number;
        // ids that two senders have in common
        const sent = wholes.flatMap(({ bytes, sender, limit }, i) =>
          splitMessage(bytes, { limit, id: i >> 1 }).map((message) => ({ message, sender })),
        );
        const twice = [...sent, ...sent.filter(() => draw() % 2 === 0)];
        const shuffled = twice
          .map((one) => ({ one, key: draw() }))
          .sort((a, b) => a.key - b.key)
          .map(({ one }) => one);
        const joiner = openJoiner({ longest: 300 });
        const got = shuffled.flatMap(({ message, sender }) => {
          const whole = joiner.take(message, sender);
          return whole === undefined ? [] : [text(sender, whole.id, whole.bytes)];
        });
        // the same bytes by the same sender under one id are one whole that was sent twice
        const expected = new Set(
          wholes.map(({ bytes, sender, limit }, i) => text(sender, i >> 1, bytes, limit)),
        );
        assert.is(got.length, expected.size);
        assert.equal(new Set(got), new Set([...expected].map((one) => one.split(' ').slice(0, 3).join(' '))));
        assert.is(joiner.held, 0);
        assert.is(joiner.dropped, 0);
      },
    ),
    { numRuns: 300 },
  );
});

/** A whole as a string; with the number of messages, where these tell two apart. */
function text(sender: string, id: number, bytes: Uint8Array, limit?: number): string {
  const parts = limit === undefined ? [] : [Math.max(1, Math.ceil(bytes.length / (limit - HEAD)))];
  return [sender, id, `[${bytes.join()}]`, ...parts].join(' ');
}

test('one that is lost leaves its whole out and no other, and mends it when it comes again', () => {
  const joiner = openJoiner();
  const [one, two] = [bytesOf(100, 1), bytesOf(100, 2)];
  const first = splitMessage(one, { limit: 60, id: 1 });
  const lost = first.filter((_, i) => i !== 1);
  assert.equal(joined(joiner, [...lost, ...splitMessage(two, { limit: 60, id: 2 })]), [
    { id: 2, bytes: two },
  ]);
  assert.is(joiner.held, 100);
  assert.equal(joined(joiner, first), [{ id: 1, bytes: one }]);
  assert.is(joiner.held, 0);
  assert.equal(joined(joiner, first), [], 'late duplicates of what is done');
  assert.is(joiner.held, 0);
});

test('what is held is bounded: longest, unfinished of a sender, and nothing of who is forgotten', () => {
  const joiner = openJoiner({ longest: 1000, unfinished: 3 });
  const begun = Array.from({ length: 5 }, (_, id) => splitMessage(bytesOf(1000), { limit: 900, id }));
  for (const [message] of begun) assert.is(joiner.take(message, 'a'), undefined);
  assert.is(joiner.held, 3000);
  assert.is(joiner.dropped, 2);
  assert.is(joiner.take(begun[0][0], 'b'), undefined);
  assert.is(joiner.held, 4000, 'another sender has room of its own');
  assert.is(joiner.take(begun[4][1], 'a')?.bytes.length, 1000);
  assert.is(joiner.take(begun[0][1], 'a'), undefined, 'the oldest has made room');
  joiner.forget('a');
  assert.is(joiner.held, 1000);
  joiner.forget('b');
  assert.is(joiner.held, 0);
  refused(
    () => joiner.take(splitMessage(bytesOf(1001), { limit: 900 })[0]),
    /1001 bytes; "longest" allows 1000/,
  );
  assert.is(joiner.held, 0);
});

test('a sender that floods a joiner makes it hold no more than that', () => {
  const joiner = openJoiner({ longest: 4096, unfinished: 4 });
  let most = 0;
  for (let id = 0; id < 5000; id++) {
    joiner.take(splitMessage(bytesOf(4096), { limit: 4000, id })[0]);
    most = Math.max(most, joiner.held);
  }
  assert.is(most, 4 * 4096);
});

/** The first of many messages of a whole that is never sent: 2^12 pieces of 16 KiB. */
function claimOf64MiB(id: number): Uint8Array {
  const message = new Uint8Array(HEAD + 2 ** 14);
  const view = new DataView(message.buffer);
  [0x316d6266, id, 2 ** 26].forEach((word, i) => view.setUint32(4 * i, word, true));
  view.setUint16(14, 2 ** 12, true);
  return message;
}

test('what a whole claims to be costs nothing before it comes', () => {
  const joiner = openJoiner();
  const start = performance.now();
  for (let id = 0; id < 500; id++) assert.is(joiner.take(claimOf64MiB(id)), undefined);
  const ms = performance.now() - start;
  assert.is(joiner.held, 16 * 2 ** 26, 'what they will have at most');
  assert.is(joiner.dropped, 484);
  // 500 times 64 MiB would be cleared in 10 seconds or more
  assert.ok(ms < 2000, `${ms} ms`);
});

test('wholes beyond what is allocated at a time: any order, any length of a message', () => {
  for (const [length, limit] of [
    [2 ** 16, 1000],
    [2 ** 16 + 1, 2 ** 15 + HEAD],
    [200_000, 70_000],
    [200_000, 199_999],
    [3 * 2 ** 16 + 5, 2 ** 16 + HEAD],
    [150_000, 777],
  ]) {
    const bytes = bytesOf(length);
    const messages = splitMessage(bytes, { limit, id: 1 });
    const odd = messages.filter((_, i) => i % 2 === 1);
    const even = messages.filter((_, i) => i % 2 === 0);
    for (const order of [messages, messages.toReversed(), [...odd, ...even], [...messages, ...odd]])
      assert.equal(joined(openJoiner(), order), [{ id: 1, bytes }], `${length} in messages of ${limit}`);
  }
});

test('what makes room does so at once, however many wait', () => {
  const times = 20_000;
  const seconds = (unfinished: number): number => {
    const messages = Array.from(
      { length: unfinished + times },
      (_, id) => splitMessage(bytesOf(2), { limit: HEAD + 1, id })[0],
    );
    const joiner = openJoiner({ unfinished });
    for (const message of messages.slice(0, unfinished)) joiner.take(message);
    const start = performance.now();
    for (const message of messages.slice(unfinished)) joiner.take(message);
    assert.is(joiner.dropped, times);
    assert.is(joiner.held, unfinished * 2);
    return (performance.now() - start) / 1000;
  };
  const [few, many] = [seconds(16), seconds(65_535)];
  assert.ok(many < 20 * few + 0.5, `${times} of 16: ${few} s; of 65,535: ${many} s`);
});

test('the oldest makes room, whichever have become whole meanwhile', () => {
  const joiner = openJoiner({ unfinished: 3 });
  const begun = Array.from({ length: 9 }, (_, id) => splitMessage(bytesOf(2), { limit: HEAD + 1, id }));
  const first = (id: number): unknown => joiner.take(begun[id][0]);
  const second = (id: number): number | undefined => joiner.take(begun[id][1])?.id;
  [0, 1, 2].map(first);
  assert.is(second(0), 0);
  [3, 4].map(first); // 1 makes room
  assert.is(second(3), 3);
  first(5);
  first(6); // 2 makes room
  assert.equal([second(4), second(5), second(6)], [4, 5, 6]);
  assert.is(joiner.dropped, 2);
  assert.is(joiner.held, 0);
  [7, 8].map(first);
  joiner.forget();
  assert.is(joiner.dropped, 4);
  [1, 2, 7, 8].map(first); // 1 makes room
  assert.is(joiner.dropped, 5);
  assert.equal([second(2), second(7), second(8)], [2, 7, 8]);
});

test('no byte of a message may change: damage is refused, or its whole does not come', () => {
  const bytes = bytesOf(90);
  for (const limit of [60, 200]) {
    const messages = splitMessage(bytes, { limit, id: 3 });
    for (const [i, message] of messages.entries())
      for (let place = 0; place < message.length; place++)
        for (const bit of [1, 128]) {
          const spoiled = message.slice();
          spoiled[place] ^= bit;
          const joiner = openJoiner();
          let errors = 0;
          for (const [j, one] of messages.entries())
            try {
              assert.is(
                joiner.take(i === j ? spoiled : one),
                undefined,
                `limit ${limit}, ${i}, byte ${place}`,
              );
            } catch (error) {
              assert.instance(error, PacketError);
              errors++;
            }
          // only a head of another whole waits for the rest of it
          assert.ok(errors > 0 || joiner.held > 0);
          // nothing stays behind that spoils the same when it is sent again
          const again = messages.flatMap((one) => {
            try {
              return joiner.take(one) ?? [];
            } catch {
              return [];
            }
          });
          assert.ok(again.length === 1 || joined(joiner, messages).length === 1);
        }
  }
});

test('bytes that are no message are refused with a PacketError', () => {
  const joiner = openJoiner({ longest: 1000 });
  refused(() => joiner.take(new Uint8Array(0)), /fewer than the head/);
  refused(
    () => joiner.take(new TextEncoder().encode('hello, this is text and no head at all')),
    /starts otherwise/,
  );
  const [first] = splitMessage(bytesOf(100), { limit: 60, id: 0 });
  first[12] = first[14]; // which piece: as many as there are
  refused(() => joiner.take(first), /part 3 of 3/);
  refused(
    () => joiner.take(splitMessage(bytesOf(100), { id: 0 })[0].subarray(0, 90)),
    /has 70 bytes, expected 100/,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.throws(
        () => joiner.take(bytes),
        (error: unknown) => error instanceof PacketError,
      );
    }),
  );
  assert.is(joiner.held, 0);
});

test('an id may be used again for another packet, of the same length too', () => {
  const packets = [1, 2, 3].map((word) =>
    writePacket({ id: 1, n: 3, parameters: [], sections: [new Uint32Array([word])] }),
  );
  for (const limit of [30, 200]) {
    const joiner = openJoiner();
    const all = packets.flatMap((packet) => splitMessage(packet, { limit, id: 0 }));
    assert.equal(
      joined(joiner, all).map(({ bytes }) => bytes),
      packets,
    );
  }
});

test('what is whole is a copy of what came', () => {
  const [message] = splitMessage(bytesOf(50));
  const whole = openJoiner().take(message);
  message.fill(0);
  assert.equal(whole?.bytes, bytesOf(50));
});

test('wrong arguments are errors of the caller', () => {
  const bytes = bytesOf(10);
  throws(
    () => splitMessage(bytes, { limit: 20 }),
    RangeError,
    '"limit" expected an integer in 21..2147483648, got 20',
  );
  throws(
    () => splitMessage(bytes, { id: -1 }),
    RangeError,
    '"id" expected an integer in 0..4294967295, got -1',
  );
  assert.throws(() => splitMessage(bytesOf(66_000), { limit: 21 }), /65535, got 66000/);
  throws(() => splitMessage('text' as never), TypeError, '"bytes" expected a Uint8Array, got "text"');
  assert.throws(() => splitMessage(bytes, { size: 3 } as never), /no option "size"/);
  assert.throws(() => openJoiner({ longest: 1, most: 2 } as never), /no option "most"/);
  assert.throws(() => openJoiner({ longest: -1 }), /"longest" expected/);
  assert.throws(() => openJoiner({ unfinished: 0 }), /"unfinished" expected/);
  throws(() => openJoiner().take(new ArrayBuffer(30) as never), TypeError, '"message" expected a Uint8Array');
});

test.run();
