/** Records as bytes, the chain, and the names of topics. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import {
  chained,
  firstChain,
  packClosed,
  packRanks,
  unpackClosed,
  unpackRanks,
  type RoundRecord,
} from '../../ts/runs/wire/record.ts';
import { unpackChange } from '../../ts/runs/wire/terms.ts';
import { writePacket } from '../../ts/packet/packet.ts';
import { topicsOf } from '../../ts/runs/topics.ts';
import { suite } from '../support/suite.ts';

const test = suite('records and topics');

const anyRecord = fc
  .record({
    route: fc.constantFrom('server' as const, 'gather' as const, 'sum' as const),
    last: fc.boolean(),
    seats: fc.integer({ min: 1, max: 200 }),
    picks: fc.array(fc.nat(199), { minLength: 1 }),
    words: fc.array(fc.nat(0xffffffff), { minLength: 200, maxLength: 200 }),
    checksum: fc.option(fc.nat(0xffffffff), { nil: undefined }),
    change: fc.option(
      fc.record(
        {
          seats: fc.integer({ min: 1, max: 65_534 }),
          moves: fc.array(fc.tuple(fc.nat(65_533), fc.nat(65_533)), { maxLength: 3 }),
          settings: fc.constantFrom({}, { learningRate: 0.1 }, { compressor: { name: 'topK', ratio: 0.5 } }),
        },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
  })
  .map(({ route, last, seats, picks, words, checksum, change }) => {
    const from = [...new Set(picks.map((pick) => pick % seats))].sort((a, b) => a - b);
    const crcs = from.map((_, i) => words[i]);
    const more = { ...(checksum !== undefined && { checksum }), ...(last && change && { change }) };
    return { route, last, seats, from, crcs, ...more };
  });

test('what is packed is what is read, with its answer', () => {
  fc.assert(
    fc.property(anyRecord, fc.uint8Array(), (record, answer) => {
      const read = unpackClosed(packClosed(record, answer));
      assert.equal(read.record, record);
      assert.equal([...read.answer], [...answer]);
    }),
  );
});

test('a record costs a bit a seat and a word for each who is in it', () => {
  const crcs = [1, 2, 3, 4];
  const record = { route: 'server', last: true, seats: 4, from: [0, 1, 2, 3], crcs } as const;
  assert.is(packClosed(record, new Uint8Array(100)).length, 100 + 4 + 4 + 16);
});

test('bytes that are no record are refused', () => {
  const record = { route: 'sum', last: false, seats: 40, from: [0, 39], crcs: [5, 6] } as const;
  const bytes = packClosed(record, new Uint8Array(0));
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => unpackClosed(bytes.subarray(0, length)), refused);
  for (const [at, value] of [
    [0, 0],
    [0, 4],
    [1, 2],
    [9, 0x80],
  ]) {
    const spoiled = bytes.slice();
    spoiled[at] = value;
    assert.throws(() => unpackClosed(spoiled), refused, `byte ${at}`);
  }
  const change = { seats: 3, moves: [[3, 1]], settings: { learningRate: 0.5 } } as const;
  const changed = packClosed({ ...record, last: true, change }, new Uint8Array(0));
  for (let length = 0; length < changed.length; length++)
    assert.throws(() => unpackClosed(changed.subarray(0, length)), refused, `${length} bytes`);
  assert.throws(() => packAndRead({ ...record, change }), /terms that does not end its step/);
  for (const terms of [
    { seats: 0 },
    { seats: 65_535 },
    { seats: 1.5 },
    { seats: '3' },
    { seats: 3, moves: [[1]] },
    { seats: 3, moves: [[1, -1]] },
    { seats: 3, moves: [[1, 65_535]] },
    { seats: 3, moves: 5 },
    { seats: 3, settings: 4 },
    { seats: 3, settings: null },
    { seats: 3, settings: [] },
  ])
    assert.throws(() => unpackChange(new TextEncoder().encode(JSON.stringify(terms))), refused);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
      try {
        unpackClosed(any);
      } catch (error) {
        assert.ok(refused(error as Error));
      }
    }),
  );
});

const packAndRead = (record: RoundRecord): unknown => unpackClosed(packClosed(record, new Uint8Array(0)));

const refused = (error: Error): boolean => error instanceof PacketError;

test('ranks as bits', () => {
  assert.equal(unpackRanks(packRanks([0, 7, 8, 31, 32], 33), 33), [0, 7, 8, 31, 32]);
  assert.is(packRanks([], 33).length, 8);
  assert.throws(() => unpackRanks(packRanks([33], 34), 33), refused);
});

test('the chain depends on every bit of the history', () => {
  const start = firstChain(new Float32Array([1, 2]));
  assert.not.equal(start, firstChain(new Float32Array([2, 1])));
  const closed = new Uint8Array([1, 2, 3]);
  assert.is(chained(start, closed), chained(start, closed.slice()));
  assert.not.equal(chained(start, closed), chained(start + 1, closed));
  assert.not.equal(chained(start, closed), chained(start, new Uint8Array([1, 2, 4])));
  // answers that are packets, which end with a CRC of their own
  const record = { route: 'server', last: true, seats: 1, from: [0], crcs: [5] } as const;
  const chains = Array.from({ length: 50 }, (_, i) => {
    const answer = writePacket({ id: 1, n: 3, parameters: [], sections: [new Uint32Array([i])] });
    return chained(start, packClosed(record, answer));
  });
  assert.is(new Set(chains).size, 50);
});

test('topics are under the prefix and the run, and are read again', () => {
  const topics = topicsOf('mnist-1', 'lab/fewbits');
  assert.is(topics.up('w_1.a'), 'lab/fewbits/mnist-1/up/w_1.a');
  assert.is(topics.allHere, 'lab/fewbits/mnist-1/here/+');
  for (const kind of ['here', 'up', 'peer', 'to'] as const)
    assert.equal(topics.read(topics[kind]('w')), { kind, name: 'w' });
  assert.equal(topics.read(topics.down), { kind: 'down', name: '' });
  for (const topic of ['lab/fewbits/other/up/w', 'lab/fewbits/mnist-1', 'lab/fewbits/mnist-1/up/w/x'])
    assert.is(topics.read(topic), undefined);
  for (const name of ['', 'a/b', '+', '#', '$SYS', 'a'.repeat(65), 'é']) {
    assert.throws(() => topicsOf(name), /1 to 64/);
    assert.throws(() => topics.up(name), /1 to 64/);
  }
  assert.throws(() => topicsOf('r', 'a//b'), /1 to 64/);
  assert.throws(() => topicsOf(3 as never), /1 to 64/);
});

test.run();
