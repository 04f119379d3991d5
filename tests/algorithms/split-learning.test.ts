import * as assert from 'uvu/assert';
import {
  splitLearning,
  splitMask,
  splitQuantized,
  splitRandomized,
  splitTopK,
} from '../../ts/algorithms/split-learning.ts';
import { float32 } from '../../ts/compressors/float32.ts';
import { maskEncoded } from '../../ts/compressors/mask-encoded.ts';
import { quantized } from '../../ts/compressors/quantized.ts';
import { randomizedTopK } from '../../ts/compressors/randomized-top-k.ts';
import { scaledSign } from '../../ts/compressors/scaled-sign.ts';
import { topK } from '../../ts/compressors/top-k.ts';
import { NonFiniteError, PacketError } from '../../ts/errors.ts';
import { gradient } from '../reference/algorithms/gradients.ts';
import { device } from '../reference/algorithms/play.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';

const test = suite('split learning');

const randomized = { ratio: 0.1, alpha: 0.2, seed: 4 };

/** Each way, and the compressor that it stands for. */
const systems = [
  { name: 'MS', system: splitMask({ ratio: 0.1, bits: 2 }), up: maskEncoded({ ratio: 0.1, bits: 2 }) },
  { name: 'SP', system: splitTopK({ ratio: 0.1 }), up: topK({ ratio: 0.1 }) },
  { name: 'QU', system: splitQuantized({ bits: 3 }), up: quantized({ bits: 3 }) },
  { name: 'RT', system: splitRandomized(randomized), up: randomizedTopK(randomized) },
  { name: 'scaledSign', system: splitLearning({ up: scaledSign() }), up: scaledSign() },
];

for (const { name, system, up } of systems)
  test(`${name}: the server sees C(features), the client the gradient as it is`, async () => {
    assert.is(system.name, name);
    const [client, server] = [system.client(device), system.server(device)];
    // the last batch of an epoch is smaller
    for (const [batch, n] of [640, 640, 100].entries()) {
      const features = input('normal', n, batch + 1);
      const packet = await client.send(features);
      const seen = await server.receive(packet);
      // draws are keyed by the batch
      assert.equal(packet, await device.compress(up, features, { step: batch }));
      assertWords(seen, await device.decompress(packet), name);
      const back = gradient(n, batch, 0);
      const answer = await server.send(back);
      assert.equal(answer, await device.compress(float32(), back));
      assertWords(await client.receive(answer), back, name);
    }
  });

test('MS gives the known answer of figure 1', async () => {
  const x = new Float32Array([2.2, 0.8, 1.2, 0.4, 1.8, 0.2, 3.1, 2, 2.1, 0.2, 1.1, 1.7, 0.3, 2.8, 1.4, 0.9]);
  const off = async (system: ReturnType<typeof splitMask>): Promise<number> => {
    const seen = await system.server(device).receive(await system.client(device).send(x));
    return Math.sqrt(seen.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0));
  };
  assert.is((await off(splitMask({ ratio: 0.25, bits: 2 }))).toFixed(4), '1.0247');
  assert.is((await off(splitMask({ ratio: 0.25, bits: 2, rounding: 'floor' }))).toFixed(3), '1.183');
  assert.is((await off(splitTopK({ k: 4 }))).toFixed(3), '4.064');
});

test('draws are keyed by the batch and the client', async () => {
  const system = splitRandomized({ ratio: 0.1, alpha: 1, seed: 1 });
  const x = input('normal', 1000);
  const packetsOf = async (rank?: number): Promise<string[]> => {
    const client = rank === undefined ? system.client(device) : system.client(device, { rank });
    return [String(await client.send(x)), String(await client.send(x))];
  };
  const zero = await packetsOf(0);
  assert.equal(await packetsOf(), zero);
  const one = await packetsOf(1);
  assert.is(new Set([...zero, ...one]).size, 4);
});

test('the two sides of a cut, and all clients, draw apart', async () => {
  const C = randomizedTopK({ ratio: 0.1, alpha: 1, seed: 1 });
  const system = splitLearning({ up: C, down: C });
  const x = input('normal', 1000);
  const packets = new Set<string>();
  for (let rank = 0; rank < 4; rank++) {
    packets.add(String(await system.client(device, { rank }).send(x)));
    packets.add(String(await system.server(device, { rank }).send(x)));
  }
  assert.is(packets.size, 8);
});

test('down may be compressed too', async () => {
  const system = splitLearning({ up: topK({ k: 3 }), down: scaledSign() }, 'mine');
  assert.is(system.name, 'mine');
  const [client, server] = [system.client(device), system.server(device)];
  const back = input('normal', 64);
  assertWords(
    await client.receive(await server.send(back)),
    await device.decompress(await device.compress(scaledSign(), back)),
    'down',
  );
});

test('what is received is a new array each time', async () => {
  const [client, server] = [splitTopK({ k: 2 }).client(device), splitTopK({ k: 2 }).server(device)];
  const packet = await client.send(input('normal', 10));
  const first = await server.receive(packet);
  const kept = first.slice();
  assert.is.not(await server.receive(packet), first);
  assertWords(first, kept, 'the first array');
});

test('a batch with NaN is refused, and the next is as if it had not been', async () => {
  for (const { name, system } of systems) {
    const [client, twin] = [system.client(device), system.client(device)];
    const x = input('normal', 500);
    const bad = x.slice();
    bad[33] = NaN;
    await rejects(client.send(bad), NonFiniteError);
    assert.equal(await client.send(x), await twin.send(x), name);
  }
});

test('garbage is a PacketError', async () => {
  for (const { system } of systems) {
    const [client, server] = [system.client(device), system.server(device)];
    const packet = await client.send(input('normal', 100));
    await rejects(server.receive(new Uint8Array(50)), PacketError);
    await rejects(server.receive(packet.subarray(0, -4)), PacketError);
    await rejects(client.receive(new Uint8Array(0)), PacketError);
  }
});

test('wrong options are named', () => {
  assert.throws(() => splitMask({ ratio: 2, bits: 2 }), /"ratio"/);
  assert.throws(() => splitTopK({ k: 0 }), /"k"/);
  assert.throws(() => splitQuantized({ bits: 0 }), /"bits"/);
  assert.throws(() => splitRandomized({ ratio: 0.1, alpha: 2, seed: 1 }), /"alpha"/);
});

test.run();
