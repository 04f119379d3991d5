/**
 * Every decoder beside the reference, which is written from docs/packet.md alone (tests/reference/packet.ts): of
 * hostile packets each refuses the same, and decodes the rest to the same bits. For longer:
 * `DECODER_CASES=200000 DECODER_SEED=2 npm test -- --node --timeout 7200 tests/packet/decoders`.
 */
import * as assert from 'uvu/assert';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { decodePacket, Refused } from '../reference/packet.ts';
import { eachBackend, type Kind } from '../support/backends.ts';
import { damager } from '../support/damage.ts';
import { share } from '../support/inputs.ts';
import { decodeInPython } from '../support/python-decoder.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';

const CASES = Number(process.env.DECODER_CASES ?? share(6000));
const SEED = Number(process.env.DECODER_SEED ?? 1);
const MOST = 1000;

/** How many of them a backend takes; a GPU takes its time for each. */
const SHARES: Readonly<Record<Kind, number>> = {
  js: 1,
  'wasm scalar': 0.2,
  'wasm simd': 1,
  'wasm threads': 1,
  webgpu: 0.05,
  'webgpu in windows': 0.02,
};

/** A packet, and the bits that it stands for; undefined where it is refused. */
interface Case {
  readonly packet: Uint8Array;
  readonly bits: Uint32Array | undefined;
}

let made: Case[] | undefined;

/** All packets with what the reference says of them. */
function cases(): readonly Case[] {
  if (made !== undefined) return made;
  const damaged = damager(SEED, { mostElements: 600, broken: 50 });
  return (made = Array.from({ length: CASES }, () => {
    const packet = damaged();
    try {
      return { packet, bits: decodePacket(packet, MOST) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { packet, bits: undefined };
    }
  }));
}

/** Where a decoder differs from what is right of a packet, in words. */
function difference({ packet, bits }: Case, found: Uint32Array | undefined): string[] {
  const said = (words: Uint32Array | undefined, at: number): string =>
    words === undefined ? 'refused' : at < 0 ? 'a vector' : `${words[at]} at ${at} of ${words.length}`;
  const at = found?.findIndex((word, i) => bits !== undefined && word !== bits[i]) ?? -1;
  if (at < 0 && bits?.length === found?.length) return [];
  return [`${said(found, at)}, expected ${said(bits, at)}, from ${Buffer.from(packet).toString('hex')}`];
}

eachBackend('hostile packets beside the reference', (test, open, kind) => {
  test('refused alike, and decoded to the same bits', async () => {
    const device = new Device({ backend: 'js' }, { backend: await open(), reasons: {} });
    const wrong: string[] = [];
    for (const one of cases().slice(0, Math.ceil(CASES * SHARES[kind]))) {
      let found: Uint32Array | undefined;
      try {
        const y = await device.decompress(one.packet, { maxElements: MOST });
        found = new Uint32Array(y.buffer, y.byteOffset, y.length);
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
      }
      wrong.push(...difference(one, found));
    }
    assert.equal(wrong.slice(0, 5), []);
  });
});

const test = suite('hostile packets in Python beside the reference');

test('refused alike, and decoded to the same bits', async () => {
  const interpreter = await findPython();
  if (interpreter === undefined) return skip(NO_PYTHON);
  const all = cases();
  const found = await decodeInPython(
    interpreter,
    all.map(({ packet }) => packet),
    MOST,
  );
  const wrong = all.flatMap((one, i) => difference(one, found[i]));
  assert.equal(wrong.slice(0, 5), []);
  // the packets do what they are for
  const sound = all.filter(({ bits }) => bits !== undefined).length;
  assert.ok(sound > CASES / 10 && sound < CASES / 2, `${sound} of ${CASES} are sound`);
});

test.run();
