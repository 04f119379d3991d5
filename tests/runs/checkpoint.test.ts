/**
 * States as bytes: a server's checkpoint, and what a worker loads; the names in their JSON are those of its first
 * format.
 */
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import {
  checkpointHeadOf,
  packCheckpoint,
  unpackCheckpoint,
  type Checkpoint,
} from '../../ts/runs/checkpoint.ts';
import { unpackJson } from '../../ts/runs/wire/json.ts';
import type { Range } from '../../ts/runs/wire/terms.ts';
import { packRunState, unpackList, unpackRunState } from '../../ts/runs/wire/state.ts';
import { suite } from '../support/suite.ts';

const test = suite('states of a run');

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

const exactly = (workers: number): Range => ({ least: workers, most: workers });

const checkpoint: Checkpoint = {
  head: {
    system: 's',
    workers: 3,
    key: 4_000_000_000,
    step: 7,
    chain: 99,
    seats: [{ name: 'a', here: true }, null, { name: 'b', here: false }],
    used: [['a', { step: 6, round: 1, crc: 12 }]],
  },
  common: bytes(1),
  model: bytes(2, 3),
  machine: bytes(),
  kept: [
    { position: { step: 6, round: 0, chain: 5 }, closed: bytes(4), gathered: [] },
    {
      position: { step: 6, round: 1, chain: 6 },
      closed: bytes(5, 6),
      gathered: [
        { rank: 0, crc: 12, bytes: bytes(7), at: 0 },
        { rank: 2, crc: 13, bytes: bytes(8, 9), at: 0 },
      ],
    },
  ],
};

/** The JSON that a list of byte strings holds at a place. */
const jsonIn = (list: Uint8Array, index: number): unknown => unpackJson(unpackList(list)[index]);

test('a checkpoint comes back as it was, and says whose it is', () => {
  const packed = packCheckpoint(checkpoint);
  assert.equal(unpackCheckpoint(packed, { system: 's', workers: exactly(3) }), checkpoint);
  assert.is(checkpointHeadOf(packed).step, 7);
  for (const other of [
    { system: 't', workers: exactly(3) },
    { system: 's', workers: exactly(2) },
    { system: 's', workers: { least: 1, most: 2 } },
  ])
    assert.throws(
      () => unpackCheckpoint(packed, other),
      (error: unknown) => error instanceof PacketError && /a state of s with 3 workers/.test(error.message),
    );
});

test('its JSON calls a round `turn`', () => {
  const json = jsonIn(packCheckpoint(checkpoint), 0) as { used: unknown; kept: { position: unknown }[] };
  assert.equal(json.used, [['a', { step: 6, turn: 1, crc: 12 }]]);
  assert.equal(
    json.kept.map(({ position }) => position),
    [
      { step: 6, turn: 0, chain: 5 },
      { step: 6, turn: 1, chain: 6 },
    ],
  );
});

test('what a worker loads, with and without a message of its own that was used', () => {
  for (const used of [undefined, { step: 3, round: 2, crc: 0 }]) {
    const packed = packRunState({ common: bytes(1, 2), model: bytes(3), used });
    assert.equal(unpackRunState(packed), { common: bytes(1, 2), model: bytes(3), used });
    assert.equal(jsonIn(packed, 2), used === undefined ? {} : { step: 3, turn: 2, crc: 0 });
  }
});

test.run();
