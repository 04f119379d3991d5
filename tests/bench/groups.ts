/**
 * The groups that `npm run bench` measures of a vector: each task with all who do it, fewbits, peers and plain
 * JavaScript, beside the floors of the machine (floors.ts).
 */
import type { Backend } from '../../ts/backends/backend.ts';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { keptShare } from '../../ts/compressors/count.ts';
import { type Device, openDevice } from '../../ts/index.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { Scope, type Vector } from '../../ts/kernels/scope.ts';
import { COMPRESSORS, type CompressorTask } from './compressors.ts';
import { type Input, keyAt, vector } from './data.ts';
import { type Floors, openFloors } from './floors.ts';
import { KERNELS, type KernelTask } from './kernels.ts';
import type { Candidate } from './measure.ts';
import type { BenchBackend, GroupName, Options } from './options.ts';
import { type Peer, PLAIN } from './peers.ts';
import { openReadByTwo } from './read-by-two.ts';
import { COPY, type Entry, FILL, type GroupKey, ours, READ, READ_BY_TWO } from './rows.ts';

/** Someone in a group. `end` gives memory back. */
export type Participant = Entry & Candidate & { readonly end?: () => void };

/** A task with everyone who does it. */
export interface Group {
  readonly group: GroupName;
  readonly task: string;
  /** Whether its speed depends on the data. */
  readonly everyData: boolean;
  /** Puts in memory what the candidates need. */
  readonly prepare: (bench: Bench) => Promise<Participant[]>;
}

/** A vector, on everything that works on it. */
export interface Bench {
  readonly input: Input;
  /** The calls of the floors, over this vector. */
  readonly floors: Floors;
  /** Those that select, plain JavaScript among them; none where nobody is to be compared with. */
  readonly peers: readonly Peer[];
  readonly backends: readonly { name: BenchBackend; backend: Backend; x: Vector; device: Device }[];
  /** The wasm backend with a second thread, and reading by two; undefined for short vectors. */
  readonly pair: { readonly device: Device; readonly read: () => void } | undefined;
  close(): void;
}

/** Elements from which on two threads are measured too. */
const PAIRED = 2 ** 22;

/** Puts a vector everywhere. Peers whose memory does not take it are left out. */
export async function openBench(
  { n, data }: Pick<GroupKey, 'n' | 'data'>,
  { backends }: Pick<Options, 'backends'>,
  peers: readonly Peer[],
): Promise<Bench> {
  const x = vector(data, n);
  const input = { data, x, keyOf: await keysOf(x) };
  const opened: Bench['backends'][number][] = [];
  for (const name of backends) {
    const backend = await open(name);
    const device = await openDevice({ backend: name });
    opened.push({ name, backend, x: { buffer: new Scope(backend).put(x), n: x.length }, device });
  }
  const two = n >= PAIRED && backends.includes('wasm') ? await openReadByTwo(n) : undefined;
  const paired = two && (await openDevice({ backend: 'wasm', threads: 2 }));
  return {
    input,
    pair: two && paired && { device: paired, read: two.read },
    floors: await openFloors(x),
    peers: peers.filter(({ most }) => n <= most),
    backends: opened,
    close() {
      paired?.close();
      two?.close();
      for (const { backend, device } of opened) {
        backend.close();
        device.close();
      }
    },
  };
}

async function open(name: BenchBackend): Promise<Backend> {
  if (name === 'js') return (await import('../../ts/backends/js/index.ts')).openJs();
  return (await import('../../ts/backends/wasm/index.ts')).openWasm();
}

/** Keys of magnitudes by shares, each looked for once. */
export async function keysOf(x: Float32Array): Promise<(share: number) => number> {
  const device = await openDevice({ backend: 'wasm' });
  const keys = new Map<number, number>();
  for (const share of [0.001, 0.01, 0.1])
    keys.set(share, keyAt(x, (await device.kernels.topK(x, keptShare(share, x.length))).values));
  device.close();
  return (share) => keys.get(share)!;
}

/** All groups, in the order in which they are measured. */
export const GROUPS: readonly Group[] = [
  ...KERNELS.map(kernelGroup),
  ...COMPRESSORS.flatMap((task) => [compressGroup(task), decompressGroup(task)]),
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

function decompressGroup(task: CompressorTask): Group {
  return {
    group: 'compressors',
    task: `decompress ${task.name}`,
    everyData: false,
    async prepare(bench) {
      const compressor = task.compressor(bench.input);
      const { x } = bench.input;
      const own: Participant[] = [];
      for (const { name, device } of bench.backends) {
        const packet = await device.compress(compressor, x);
        const into = new Float32Array(x.length);
        const entry = { kind: 'decompress', candidate: ours(name), backend: name } as const;
        own.push({ ...entry, bytes: packet.length, run: () => device.decompress(packet, { into }) });
      }
      return [...own, ...floorsOf(bench)];
    },
  };
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

function floorsOf({ floors }: Bench): Participant[] {
  const calls = { [READ]: floors.read, [FILL]: floors.fill, [COPY]: floors.copy };
  return Object.entries(calls).map(([candidate, run]) => ({ kind: 'floor', candidate, run }));
}
