/** The worker that tries each backend, measures them and compares their bytes. */
import type { BackendName } from '../../../ts/backends/backend.ts';
import { bench, type BenchReport } from '../../../ts/cli/bench.ts';
import { diagnose, type Diagnosis } from '../../../ts/cli/doctor.ts';
import { examples, parseCompressor } from '../../../ts/cli/specification.ts';
import { openDevice } from '../../../ts/device.ts';
import { verify, type VerifyReport } from '../../../ts/verify/index.ts';
import { note, serve } from '../calls.ts';

/** What there is to say about a browser, beside its backends. */
export interface Facts {
  /** What a device with threads says of itself, or why there are none. */
  readonly threads: string;
  readonly gpu: string;
  readonly gpuFeatures: string;
}

/** What a worker notes of something long. */
export interface Progress {
  readonly what: string;
  readonly done: number;
}

/** Threads that are tried: enough to see that they work. */
const THREADS = 2;

async function threadsHere(): Promise<string> {
  const cores = `${navigator.hardwareConcurrency} cores`;
  if (!crossOriginIsolated)
    return `${cores}; one thread, since the page is not isolated: its server sends no COOP and COEP headers`;
  try {
    const device = await openDevice({ backend: 'wasm', threads: THREADS });
    const { detail } = device;
    device.close();
    return `${cores}; memory can be shared, and wasm with ${THREADS} threads opens as "${detail}"`;
  } catch (cause) {
    return `${cores}; no threads: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

async function gpuHere(): Promise<Pick<Facts, 'gpu' | 'gpuFeatures'>> {
  const { gpu } = navigator as { gpu?: GPU };
  if (gpu === undefined)
    return { gpu: 'none: this browser has no WebGPU, or it is turned off', gpuFeatures: 'none' };
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null)
    return { gpu: 'none: the browser has WebGPU but found no adapter', gpuFeatures: 'none' };
  const { vendor, architecture, device, description } = adapter.info;
  const words = [`vendor ${vendor || 'not said'}`, `architecture ${architecture || 'not said'}`];
  const features = ['subgroups', 'shader-f16', 'timestamp-query'].filter((name) =>
    adapter.features.has(name),
  );
  const largest = `largest buffer ${Math.round(adapter.limits.maxBufferSize / 2 ** 20)} MiB`;
  return {
    gpu: [...words, device, description].filter(Boolean).join(', '),
    gpuFeatures: [...features, largest].join(', '),
  };
}

const functions = {
  diagnose: (): Promise<Diagnosis> => diagnose(),

  facts: async (): Promise<Facts> => ({ threads: await threadsHere(), ...(await gpuHere()) }),

  /** As `fewbits bench`; all backends that work, software GPUs excepted, unless one is named. */
  bench: (n: number, backend: BackendName | undefined, seconds: number | undefined): Promise<BenchReport> =>
    bench({
      n,
      backend,
      seconds,
      compressors: new Map(examples().map((example) => [example, parseCompressor(example)])),
      onProgress: (what, done) => note({ what, done } satisfies Progress),
    }),

  /** As `fewbits doctor --verify`. */
  verify: (quick: boolean): Promise<VerifyReport> =>
    verify({ quick, onProgress: (what, done) => note({ what, done } satisfies Progress) }),
};

export type BrowserFunctions = typeof functions;

serve(functions);
