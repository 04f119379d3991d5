/** A vector on everything that is measured, and what a group of candidates is. */
import type { Backend } from '../../ts/backends/backend.ts';
import { keptShare } from '../../ts/compressors/count.ts';
import { type Device, openDevice } from '../../ts/index.ts';
import { Scope, type Vector } from '../../ts/kernels/scope.ts';
import { type Input, keyAt, vector } from './data.ts';
import { type Floors, openFloors } from './floors.ts';
import type { Candidate } from './measure.ts';
import type { BenchBackend, GroupName, Options } from './options.ts';
import type { Peer } from './peers.ts';
import { openReadByTwo } from './read-by-two.ts';
import { COPY, type Entry, FILL, type GroupKey, NEW, READ } from './rows.ts';
import type { ByteCodec } from './wire.ts';

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
  /** What makes bytes of float32; none where nobody is to be compared with. */
  readonly codecs: readonly ByteCodec[];
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
  codecs: readonly ByteCodec[],
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
    codecs,
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

/** The floors of the machine, as candidates beside the others. */
export function floorsOf({ floors }: Bench): Participant[] {
  const calls = { [READ]: floors.read, [FILL]: floors.fill, [COPY]: floors.copy, [NEW]: floors.fresh };
  return Object.entries(calls).map(([candidate, run]) => ({ kind: 'floor', candidate, run }));
}
