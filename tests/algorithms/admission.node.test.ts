/**
 * What machines let in: packets of the system's compressors, length and parameters, seats, and sums that float32 holds.
 */
import * as assert from 'uvu/assert';
import {
  cltK,
  cser,
  doubleSqueeze,
  exchange,
  hardThreshold,
  liecSgd,
  memSgd,
  pSgd,
  splitLearning,
  sumMessages,
  topKAllGather,
} from '../../ts/algorithms/index.ts';
import type { Model, System } from '../../ts/algorithms/system.ts';
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { NonFiniteError, OverflowError, PacketError } from '../../ts/errors.ts';
import {
  ditheredSign,
  flattenedOneBit,
  float32,
  maskEncoded,
  qsgd,
  quantized,
  randomizedTopK,
  randomK,
  scaledSign,
  threshold,
  topK,
} from '../../ts/index.ts';
import { gradients, models } from '../reference/algorithms/gradients.ts';
import { device } from '../reference/algorithms/play.ts';
import { savedBy } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { rejects } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('what is let in');

const [N, WORKERS] = [64, 2];
const packetOf = (compressor: Compressor, n = N): Promise<Uint8Array> =>
  device.compress(compressor, gradients(n, 1, 3)[0]);

/** Compressors with settings, and others of the same name that differ in one of them. */
const PAIRS: readonly (readonly [Compressor, Compressor])[] = [
  [topK({ k: 3 }), topK({ k: 4 })],
  [topK({ ratio: 0.1 }), topK({ ratio: 0.1, values: 'float16' })],
  [threshold({ t: 1 }), threshold({ t: 1, values: 'bfloat16' })],
  [randomK({ k: 5, seed: 1 }), randomK({ k: 5, seed: 2 })],
  [randomK({ k: 5, seed: 1 }), randomK({ k: 6, seed: 1 })],
  [randomizedTopK({ k: 5, alpha: 0.1, seed: 1 }), randomizedTopK({ k: 6, alpha: 0.1, seed: 1 })],
  [scaledSign(), scaledSign({ block: 16 })],
  [maskEncoded({ ratio: 0.5, bits: 2 }), maskEncoded({ ratio: 0.5, bits: 3 })],
  [maskEncoded({ ratio: 0.5, bits: 2, signed: true }), maskEncoded({ ratio: 0.5, bits: 2, signed: false })],
  [quantized({ bits: 4 }), quantized({ bits: 5 })],
  [qsgd({ levels: 3, seed: 1 }), qsgd({ levels: 4, seed: 1 })],
  [ditheredSign({ seed: 1, lambda: 0.1 }), ditheredSign({ seed: 1, lambda: 0.2 })],
  [flattenedOneBit({ seed: 1 }), flattenedOneBit({ seed: 2 })],
  [flattenedOneBit({ seed: 1, block: 16 }), flattenedOneBit({ seed: 1, block: 32 })],
  [flattenedOneBit({ seed: 1, scale: 'mean' }), flattenedOneBit({ seed: 1, scale: 'drive' })],
];

/** @throws unless the call is refused with a PacketError that names all of these */
async function named(call: Promise<unknown> | undefined, ...names: string[]): Promise<void> {
  for (const name of names) await rejects(call as Promise<unknown>, PacketError, name);
}

for (const [compressor, other] of PAIRS) {
  const label = `${compressor.name} ${JSON.stringify(compressor.options)}`;
  const wrongOnes = async (): Promise<[Uint8Array, string[]][]> => [
    [await packetOf(compressor, N + 1), [`n = ${N + 1}`, `expected ${compressor.name}`, `n = ${N}`]],
    [await packetOf(float32()), [`a packet of float32, n = ${N}`, `expected ${compressor.name}`]],
    [await packetOf(other), [`a packet of ${other.name}, `, `expected ${compressor.name}, `]],
  ];

  test(`${label}: servers refuse packets of another length, compressor or setting, and name both`, async () => {
    for (const system of [memSgd(compressor), doubleSqueeze(compressor), liecSgd({ compressor })])
      for (const [wrong, names] of await wrongOnes()) {
        const server = system.server!(device, { n: N, workers: WORKERS });
        const right = await packetOf(compressor);
        const before = await server.save();
        await named(server.answer([right, wrong]), ...names, 'from rank 1');
        await named(server.answer([wrong], [1]), ...names, 'from rank 1');
        await named(server.check(wrong), ...names);
        assert.equal(await server.save(), before);
        await server.check(right);
        await server.answer([right, right]);
      }
  });

  test(`${label}: workers refuse such answers, and take the right one afterwards`, async () => {
    for (const system of [doubleSqueeze(compressor), liecSgd({ compressor })])
      for (const [wrong, names] of await wrongOnes()) {
        const [worker, expected] = [0, 1].map(() =>
          system.worker(device, { n: N, workers: WORKERS, rank: 0 }),
        );
        const [given] = gradients(N, 1, 0);
        await worker.send(given);
        await expected.send(given);
        const before = await worker.save();
        await named(worker.receive([wrong]), ...names);
        assert.equal(await worker.save(), before);
        const right = await packetOf(compressor);
        assert.equal(await worker.receive([right]), await expected.receive([right]));
        assert.equal(await worker.save(), await expected.save());
      }
  });

  test(`${label}: both sides of split learning refuse others, of whichever batch`, async () => {
    const system = splitLearning({ up: compressor, down: float32() });
    for (const n of [N, N + 3]) {
      await system.server(device).receive(await packetOf(compressor, n));
      await system.client(device).receive(await packetOf(float32(), n));
      await named(
        system.server(device).receive(await packetOf(other, n)),
        `a packet of ${other.name}, `,
        `expected ${compressor.name}, `,
      );
      await named(system.client(device).receive(await packetOf(compressor, n)), 'expected float32');
    }
    if (compressor.name === 'topK' && compressor.options.k !== undefined)
      await named(system.server(device).receive(await packetOf(topK({ k: 2 }), 2)), 'n = 2', 'expected topK');
  });
}

test('lists are of the compressor, the length and the settings of their system', async () => {
  for (const [system, right, others] of [
    [topKAllGather({ ratio: 0.1 }), topK({ ratio: 0.1 }), [topK({ ratio: 0.2 }), ditheredSign({ seed: 1 })]],
    [hardThreshold({ t: 1 }), threshold({ t: 1 }), [topK({ k: 1 }), threshold({ t: 1, values: 'float16' })]],
  ] as [System, Compressor, Compressor[]][])
    for (const wrong of [
      await packetOf(right, N + 1),
      ...(await Promise.all(others.map((one) => packetOf(one)))),
    ]) {
      const worker = system.worker(device, { n: N, workers: WORKERS, rank: 0 });
      const { bytes } = await worker.send(gradients(N, 1, 0)[0]);
      const before = await worker.save();
      await named(worker.receive([bytes, wrong]), 'a packet of ', 'from rank 1', `expected ${right.name}, `);
      await named(worker.check(wrong, 1), 'a packet of ', `expected ${right.name}, `);
      assert.equal(await worker.save(), before);
      await worker.receive([bytes, await packetOf(right)]);
    }
  const worker = cltK({ ratio: 0.1 }).worker(device, { n: N, workers: WORKERS, rank: 0 });
  const { bytes } = await worker.send(gradients(N, 1, 0)[0]);
  for (const [wrong, ...names] of [
    [await packetOf(topK({ k: 6 })), 'a packet of topK', 'expected indexList'],
    [writeIndexList(new Uint32Array(0), N + 1, 0), `n = ${N + 1}`, `n = ${N}`],
    [writeIndexList(new Uint32Array(0), N, 1), 'tag = 1', 'tag = 0'],
    [writeIndexList(new Uint32Array([3]), N, 0), '1 of 64 elements from rank 1', 'expected 0 of 64'],
  ] as [Uint8Array, ...string[]][]) {
    await named(worker.receive([bytes, wrong]), ...names);
    await named(worker.check(wrong, 1), ...names);
  }
});

test('what a worker that only follows says is no message of a round', async () => {
  for (const system of [pSgd(), topKAllGather({ ratio: 0.1 })]) {
    const follower = system.worker(device, { n: N, workers: WORKERS, rank: WORKERS });
    const { bytes } = await follower.follow();
    if (system.server === undefined) await rejects(follower.check(bytes, 0), PacketError, '');
    else await rejects(system.server(device, { n: N, workers: WORKERS }).check(bytes), PacketError, '');
  }
});

test('a compressor of your own that does not say what its packets are is held to their length', async () => {
  const own = topK({ k: 3 });
  const system = memSgd({
    name: 'my own',
    options: {},
    encode: (scope, x, draw) => own.encode(scope, x, draw),
  });
  const server = system.server!(device, { n: N, workers: 1 });
  await server.answer([await packetOf(topK({ k: 3 }))]);
  await named(server.answer([await packetOf(topK({ k: 3 }), 65)]), 'n = 65', 'expected n = 64');
});

test('a compressor that does not fit the length is refused with the seat', () => {
  for (const open of [
    () => memSgd(topK({ k: 65 })).worker(device, { n: N, workers: 1, rank: 0 }),
    () => doubleSqueeze(topK({ k: 65 })).server!(device, { n: N, workers: 1 }),
    () => liecSgd({ compressor: topK({ k: 65 }) }).worker(device, { n: N, workers: 1, rank: 0 }),
  ])
    assert.throws(
      open,
      (error: Error) => error instanceof RangeError && error.message.includes('"k" expected'),
    );
});

test('a seat is checked when it is given', () => {
  const wrong: [seat: unknown, type: typeof TypeError | typeof RangeError, text: string][] = [
    [undefined, TypeError, 'expected { n, workers, rank }, got undefined'],
    [{ n: N, workers: 2 }, TypeError, '"rank" expected an integer in 0..2, got undefined'],
    [{ n: N, workers: 2, rank: '0' }, TypeError, '"rank" expected'],
    [{ n: N, workers: 2, rank: 3 }, RangeError, '"rank" expected an integer in 0..2, got 3'],
    [{ n: N, workers: 2, rank: -1 }, RangeError, '"rank" expected'],
    [{ n: N, workers: 2, rank: 0.5 }, RangeError, '"rank" expected'],
    [{ n: N, workers: 0, rank: 0 }, RangeError, '"workers" expected'],
    [{ n: N, rank: 0 }, TypeError, '"workers" expected'],
    [{ n: -1, workers: 2, rank: 0 }, RangeError, '"n" expected'],
    [{ workers: 2, rank: 0 }, TypeError, '"n" expected'],
    [{ n: N, workers: 2, rank: 0, seat: 1 }, RangeError, 'has no option "seat"'],
  ];
  const refuses = (
    open: () => unknown,
    type: typeof TypeError | typeof RangeError,
    text: string,
    label: string,
  ): void =>
    assert.throws(open, (error: Error) => error instanceof type && error.message.includes(text), label);
  for (const { system } of systems)
    for (const [seat, type, text] of wrong) {
      refuses(() => system.worker(device, seat as never), type, text, `${system.name}: ${text}`);
      if (system.server !== undefined && !text.includes('rank'))
        refuses(() => system.server?.(device, seat as never), type, text, `${system.name}: ${text}`);
    }
  const split = splitLearning({ up: float32() });
  for (const side of ['client', 'server'] as const) {
    const open = (...seat: Parameters<typeof split.client>): unknown => split[side](...seat);
    refuses(() => open(device, { rank: -1 }), RangeError, '"rank" expected', 'split');
    refuses(() => open(device, {} as never), TypeError, '"rank" expected', 'split');
    refuses(() => open(device, { rank: 2 ** 31 }), RangeError, '"rank" expected', 'split');
  }
});

const LARGE = 3e38;
const filled = (value: number, n = N): Float32Array => new Float32Array(n).fill(value);

test('sums of messages that are more than float32 holds are said to be that', async () => {
  const bytes = [LARGE, LARGE].map((value) => new Uint8Array(filled(value, 3).buffer));
  assert.throws(
    () => sumMessages(bytes, [1, 4]),
    (error: Error) =>
      error instanceof OverflowError &&
      error.message.includes('the sum of 2 messages is more than float32 holds in 3 elements') &&
      error.message.includes('3e+38 from rank 1'.replace('3e+38', String(Math.fround(LARGE)))) &&
      error.message.includes('from rank 4') &&
      error.message.includes('no message is damaged'),
  );
  const damaged = new Uint8Array(new Float32Array([1, NaN, 1]).buffer);
  assert.throws(
    () => sumMessages([bytes[0], damaged]),
    (error: Error) => error instanceof PacketError,
  );
});

/** The large number everywhere, of odd ranks with the other sign in half of it. */
const opposed = (rank: number): Float32Array =>
  filled(LARGE).map((value, i) => (rank === 1 && i % 2 === 0 ? -value : value));
/** The large number once, and small ones. */
const lone = (): Float32Array => filled(1).map((value, i) => (i === 5 ? LARGE : value));

for (const { label, system, of, taken, type, text } of [
  {
    label: 'the sum of gradients, cser',
    system: cser({ seed: 1 }),
    of: () => filled(LARGE),
    taken: 0,
    type: OverflowError,
    text: 'the sum of 2 messages',
  },
  {
    label: 'the sum of what was selected, cltK',
    system: cltK({ ratio: 0.5 }),
    of: () => filled(LARGE),
    taken: 0,
    type: OverflowError,
    text: 'the sum of 2 messages',
  },
  {
    label: "the mean and the server's error, doubleSqueeze",
    system: doubleSqueeze(scaledSign()),
    of: opposed,
    taken: 1,
    type: OverflowError,
    text: "the mean of 2 packets and the server's error is more than float32 holds",
  },
  {
    label: 'the gradient and the error memory, memSgd',
    system: memSgd(topK({ k: 1 })),
    of: () => filled(LARGE),
    taken: 1,
    type: NonFiniteError,
    text: 'the sum of x and the error',
  },
  {
    label: 'the gradient and the residual, topKAllGather',
    system: topKAllGather({ ratio: 0.1 }),
    of: () => filled(LARGE),
    taken: 1,
    type: NonFiniteError,
    text: 'the sum of x and the error',
  },
  {
    label: 'what the packet loses, memSgd',
    system: memSgd(ditheredSign({ seed: 1 })),
    of: () => filled(-LARGE).map((value, i) => (i === 5 ? -value : value * 0.9)),
    taken: 0,
    type: NonFiniteError,
    text: 'what the packet loses of the sum of x and the error',
  },
  {
    label: 'the answer and the error, liecSgd',
    system: liecSgd({ averagePeriod: 50, compressor: ditheredSign({ seed: 1 }) }),
    of: lone,
    taken: 0,
    type: OverflowError,
    text: 'more than float32 holds',
  },
] satisfies {
  label: string;
  system: System;
  of: (rank: number) => Float32Array;
  taken: number;
  type: new (...args: never[]) => Error;
  text: string;
}[])
  test(`${label}: an overflow leaves all as it was, and the next step is as if it had not been`, async () => {
    const crew = (): ReturnType<System['worker']>[] =>
      [0, 1].map((rank) => system.worker(device, { n: N, workers: 2, rank }));
    const [one, two] = [crew(), crew()];
    const [server, other] = [0, 1].map(() => system.server?.(device, { n: N, workers: 2 }));
    const large = [0, 1].map(of);
    for (let time = 0; time < taken; time++) {
      await exchange(one, server, large);
      await exchange(two, other, large);
    }
    const states = (): Promise<Uint8Array[]> => savedBy([...one, ...(server === undefined ? [] : [server])]);
    const before = await states();
    for (let time = 0; time < 2; time++) {
      await rejects<Error>(exchange(one, server, large), type, text);
      assert.equal(await states(), before);
    }
    const small = [0, 1].map(() => new Float32Array(N));
    assert.equal(await exchange(one, server, small), await exchange(two, other, small));
  });

test('models of another learning rate, or with momentum where others have none, are not averaged', async () => {
  const system = liecSgd({ averagePeriod: 1 });
  const [plain] = models(N, 1, 0);
  const of = async (model: Model): Promise<Uint8Array> => {
    const worker = system.worker(device, { n: N, workers: 2, rank: 0 });
    return (await worker.send(gradients(N, 1, 0)[0], model)).bytes;
  };
  const server = system.server!(device, { n: N, workers: 2 });
  const before = await server.save();
  const [right, faster, heavier] = [
    await of(plain),
    await of({ ...plain, learningRate: 0.25 }),
    await of({ ...plain, momentum: 0.5 }),
  ];
  await named(server.answer([right, faster]), 'learning rate 0.25 from rank 1', 'expected 0.05', 'rank 0');
  await named(server.answer([right, heavier]), `${heavier.length} bytes`, `expected ${right.length}`);
  assert.equal(await server.save(), before);
  const answer = await server.answer([right, right]);
  for (const wrong of [
    { ...plain, learningRate: 0.25 },
    { ...plain, momentum: 0.5 },
  ]) {
    const worker = system.worker(device, { n: N, workers: 2, rank: 0 });
    const copy = wrong.parameters.slice();
    await worker.send(gradients(N, 1, 0)[0], wrong);
    await named(worker.receive([answer]), 'expected');
    assert.equal(wrong.parameters, copy);
  }
});

test('a model that does not fit is refused before the step begins', async () => {
  const [model] = models(N, 1, 0.5);
  for (const [system, steps] of [
    [liecSgd({ averagePeriod: 1 }), 0],
    [cser({ seed: 1 }), 7],
  ] as [System, number][]) {
    const worker = system.worker(device, { n: N, workers: 1, rank: 0 });
    for (let step = 0; step < steps; step++) await exchange([worker], undefined, gradients(N, 1, step));
    const [given] = gradients(N, 1, steps);
    for (const [wrong, type, text] of [
      [{ ...model, parameters: new Float32Array(N - 1) }, RangeError, '"model.parameters.length"'],
      [{ ...model, velocity: [] }, TypeError, '"model.velocity"'],
      [{ ...model, learningRate: '0.1' }, TypeError, '"model.learningRate"'],
      [{ ...model, momentum: NaN }, RangeError, '"model.momentum"'],
    ] as [Model, typeof TypeError, string][])
      await rejects(worker.send(given, wrong), type, text);
    await worker.send(given, model);
  }
});

test.run();
