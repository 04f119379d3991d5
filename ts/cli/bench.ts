/**
 * `fewbits bench`: how fast compressors are on the backends of this machine, how small their packets are, and for which
 * links that pays.
 *
 * Sending n float32 over a link of r bits a second takes 32 n / r seconds. A packet of B bytes, compressed in c seconds
 * and decompressed in d, takes c + 8 B / r + d. It is there sooner where r is below (32 n - 8 B) / (c + d).
 */
import type { BackendName } from '../backends/backend.ts';
import { BACKENDS } from '../backends/open.ts';
import type { Compressor } from '../compressors/compressor.ts';
import { openDevice, type Device } from '../device.ts';
import { BackendUnavailableError } from '../errors.ts';
import { place } from './place.ts';
import { spreadOf, timesOf, type Spread } from './timing.ts';

/** Milliseconds of a call once it is warm, the median for each element, and the milliseconds of the first call. */
export interface Times extends Spread {
  readonly nanosecondsPerElement: number;
  readonly first: number;
}

/** One compressor on one backend. Times are in milliseconds. */
export interface Result {
  readonly backend: BackendName;
  /** As it was given: `top-k:ratio=0.01`. */
  readonly compressor: string;
  readonly compress: Times;
  readonly decompress: Times;
  /** Of the packet. */
  readonly bytes: number;
  readonly bitsPerElement: number;
  readonly timesSmaller: number;
  /** The link below which the packet is there before raw float32 would be; null where it is not smaller. */
  readonly paysBelowMbits: number | null;
}

export interface BenchReport {
  readonly runtime: string;
  readonly platform: string;
  readonly n: number;
  /** What runs underneath, of each backend that was measured. */
  readonly backends: Readonly<Partial<Record<BackendName, string>>>;
  /** Why the others were not. */
  readonly notMeasured: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

export interface BenchOptions {
  readonly n: number;
  /** Compressors by how they are called. */
  readonly compressors: ReadonlyMap<string, Compressor>;
  /** All that work here if left out, software GPUs excepted. */
  readonly backend?: BackendName | 'auto';
  /** Seconds of calls in all, warming up not counted; 30 if left out. */
  readonly seconds?: number;
  /** Hears what is measured next, and how much is done, as a share of 1. */
  readonly onProgress?: (what: string, done: number) => void;
}

/** Where nothing else is asked for. */
const SECONDS = 30;
/** The most seconds of one compressor's compress or decompress. */
const MOST_SECONDS = 1;

/** The compressors take turns in so many rounds, so that what else the machine does falls on all of them. */
const ROUNDS = 4;
/** Where calls are long, no round but the first begins after so many seconds, shared among the backends. */
const MOST_ROUNDS_SECONDS = 40;
/** The most calls of a round. */
const CALLS = 50;

/**
 * Calls before those that count, while the engine compiles and memory grows: so many, then more for so long; fewer
 * where they take too long.
 */
const WARM_CALLS = 10;
const WARM_MILLISECONDS = 50;
const MOST_WARM_MILLISECONDS = 500;

export async function bench({
  n,
  compressors,
  backend,
  seconds = SECONDS,
  onProgress,
}: BenchOptions): Promise<BenchReport> {
  const { devices, notMeasured } = await openAll(backend);
  const x = normal(n);
  const results: Result[] = [];
  const tasks = devices.length * compressors.size;
  const milliseconds = (1000 / ROUNDS) * Math.min(MOST_SECONDS, seconds / (2 * tasks));
  const into = new Float32Array(n);
  let turns = 0;
  try {
    for (const device of devices) {
      const measured = [...compressors].map(([name, compressor]) =>
        subject(device, name, compressor, x, into),
      );
      const end = performance.now() + (1000 * MOST_ROUNDS_SECONDS) / devices.length;
      for (let round = 0; round < ROUNDS && (round === 0 || performance.now() < end); round++)
        for (const { name, sample } of measured) {
          onProgress?.(`${device.backend} ${name}`, turns++ / (tasks * ROUNDS));
          await sample(milliseconds);
        }
      results.push(...measured.map(({ result }) => result()));
    }
  } finally {
    for (const device of devices) device.close();
  }
  const backends = Object.fromEntries(devices.map((device) => [device.backend, device.detail]));
  return {
    ...place(),
    n,
    backends,
    notMeasured,
    results,
  };
}

/**
 * Devices of the backend that is named, or of all that work here, and why the others do not.
 * @throws BackendUnavailableError where the one that is named does not
 */
async function openAll(
  named: BenchOptions['backend'],
): Promise<{ devices: Device[]; notMeasured: Record<string, string> }> {
  if (named !== undefined) return { devices: [await openDevice({ backend: named })], notMeasured: {} };
  // Only `auto` passes over software GPUs.
  const first = await openDevice();
  const devices = [first];
  const notMeasured: Record<string, string> = { ...first.reasons };
  for (const backend of BACKENDS.slice(BACKENDS.indexOf(first.backend) + 1))
    try {
      devices.push(await openDevice({ backend }));
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      Object.assign(notMeasured, error.reasons);
    }
  return { devices, notMeasured };
}

/** A compressor that is being measured on a device. */
interface Subject {
  readonly name: string;
  /** Times calls of compress, then of decompress, for about so long each. */
  readonly sample: (milliseconds: number) => Promise<void>;
  readonly result: () => Result;
}

function subject(
  device: Device,
  name: string,
  compressor: Compressor,
  x: Float32Array,
  into: Float32Array,
): Subject {
  const n = x.length;
  const compressing: Calls = { times: [], first: 0 };
  const decompressing: Calls = { times: [], first: 0 };
  let packet: Uint8Array | undefined;
  return {
    name,
    sample: async (milliseconds) => {
      const compress = async (): Promise<void> => void (packet = await device.compress(compressor, x));
      const decompress = async (): Promise<void> =>
        void (await device.decompress(packet!, { into, maxElements: n }));
      for (const [calls, work] of [
        [compressing, compress],
        [decompressing, decompress],
      ] as const) {
        if (calls.times.length === 0) calls.first = await warmUp(work);
        calls.times.push(...(await timesOf(work, milliseconds, CALLS)));
      }
    },
    result: () => {
      const [compress, decompress] = [compressing, decompressing].map(({ times, first }): Times => {
        const spread = spreadOf(times);
        return { ...spread, nanosecondsPerElement: (spread.median * 1e6) / n, first };
      });
      const bytes = packet?.length ?? 0;
      return {
        backend: device.backend,
        compressor: name,
        compress,
        decompress,
        bytes,
        bitsPerElement: (bytes * 8) / n,
        timesSmaller: (n * 4) / bytes,
        paysBelowMbits: paysBelow(n, bytes, compress.median + decompress.median),
      };
    },
  };
}

/** Milliseconds of calls that count, and of the first, which does not. */
interface Calls {
  readonly times: number[];
  first: number;
}

/** Calls until they are warm: the milliseconds of the first. */
async function warmUp(work: () => Promise<void>): Promise<number> {
  const times = await timesOf(work, MOST_WARM_MILLISECONDS, WARM_CALLS);
  const spent = times.reduce((sum, time) => sum + time, 0);
  if (spent < WARM_MILLISECONDS) await timesOf(work, WARM_MILLISECONDS - spent, Infinity);
  return times[0];
}

/** Mbit/s below which sending the packet is sooner done; null where it is not smaller than the vector. */
export function paysBelow(n: number, bytes: number, milliseconds: number): number | null {
  const savedBits = 32 * n - 8 * bytes;
  return savedBits > 0 ? savedBits / (milliseconds * 1000) : null;
}

/**
 * n normal numbers of standard deviation 1/256, always the same: as small as gradients are, and about one in a hundred
 * has a magnitude of 0.01 or more.
 */
export function normal(n: number): Float32Array {
  let state = 1;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  // Box and Muller: G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958
  return Float32Array.from(
    { length: n },
    () => (Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())) / 256,
  );
}
