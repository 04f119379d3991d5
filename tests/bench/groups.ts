/**
 * The groups that `npm run bench` measures of a vector: each task with all who do it, fewbits, peers and plain
 * JavaScript, beside the floors of the machine (floors.ts).
 */
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { keptShare } from '../../ts/compressors/count.ts';
import type { Device } from '../../ts/index.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { type Bench, floorsOf, type Group, type Participant } from './bench.ts';
import { COMPRESSORS, type CompressorTask } from './compressors.ts';
import { accumulateGroup, decompressGroup, meanGroup } from './decoding.ts';
import { KERNELS, type KernelTask } from './kernels.ts';
import { PLAIN } from './peers.ts';
import { ours, READ_BY_TWO } from './rows.ts';
import { WIRE } from './wire.ts';

/** All groups, in the order in which they are measured. */
export const GROUPS: readonly Group[] = [
  ...KERNELS.map(kernelGroup),
  ...COMPRESSORS.flatMap((task) => [
    compressGroup(task),
    decompressGroup(task),
    accumulateGroup(task),
    meanGroup(task),
  ]),
  ...WIRE,
];

function kernelGroup(task: KernelTask): Group {
  return {
    group: 'kernels',
    task: task.name,
    everyData: task.selects ?? false,
    async prepare(bench) {
      return [
        ...bench.backends.map(({ name, backend, x }): Participant => {
          const held = new Scope(backend);
          const work = task.prepare(held, x, bench.input);
          const run = (): void => {
            const call = new Scope(backend);
            try {
              work(call);
            } finally {
              call.end();
            }
          };
          const entry = { kind: 'kernel', candidate: ours(name), backend: name } as const;
          return { ...entry, run, end: () => held.end() };
        }),
        ...peersOf(task, bench, 'resident'),
        ...floorsOf(bench),
      ];
    },
  };
}

function compressGroup(task: CompressorTask): Group {
  return {
    group: 'compressors',
    task: `compress ${task.name}`,
    everyData: true,
    async prepare(bench) {
      const compressor = task.compressor(bench.input);
      const { x } = bench.input;
      const own: Participant[] = [];
      for (const { name, device } of bench.backends) {
        const { length: bytes } = await device.compress(compressor, x);
        const entry = { kind: 'compress', backend: name, bytes } as const;
        own.push({ ...entry, candidate: ours(name), run: () => device.compress(compressor, x) });
        if (name !== 'wasm') continue; // elsewhere it is a vector like any other
        const view = await resident(device, x);
        const candidate = ours(name, 'device');
        own.push({ ...entry, candidate, run: () => device.compress(compressor, view) });
      }
      own.push(...(await compressByTwo(compressor, bench)));
      return [...own, ...peersOf(task, bench, 'whole'), ...floorsOf(bench)];
    },
  };
}

/** The same with a second thread. */
async function compressByTwo(compressor: Compressor, { pair, input: { x } }: Bench): Promise<Participant[]> {
  if (pair === undefined) return [];
  const { device, read } = pair;
  const { length: bytes } = await device.compress(compressor, x);
  const view = await resident(device, x);
  const entry = { kind: 'compress', backend: 'wasm', bytes } as const;
  return [
    { ...entry, candidate: ours('wasm', 'array', 2), run: () => device.compress(compressor, x) },
    { ...entry, candidate: ours('wasm', 'device', 2), run: () => device.compress(compressor, view) },
    { kind: 'floor', candidate: READ_BY_TWO, run: read },
  ];
}

/** Vectors in memory of devices, one each. */
const residents = new WeakMap<Device, DeviceVector>();

/** The vector in memory of the device. */
async function resident(device: Device, x: Float32Array): Promise<DeviceVector> {
  let vector = residents.get(device);
  if (vector === undefined) {
    vector = device.vector(x.length);
    await vector.write(x);
    residents.set(device, vector);
  }
  return vector;
}

/** Peers that select, where the task does, or the task in plain JavaScript. */
function peersOf(
  { plain, share }: Pick<KernelTask, 'plain' | 'share'>,
  { input, peers }: Bench,
  how: 'resident' | 'whole',
): Participant[] {
  if (peers.length === 0) return [];
  if (plain !== undefined) return [{ kind: 'peer', candidate: PLAIN, run: plain(input) }];
  if (share === undefined) return [];
  const k = keptShare(share, input.x.length);
  return peers.map((peer) => {
    const { run, end } = peer[how](input.x, k);
    return { kind: 'peer', candidate: peer.name, before: peer.before, run, end };
  });
}
