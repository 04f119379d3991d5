/** `fewbits doctor`: which backends work here, proven by a small round trip, and why the others do not. */
import type { BackendName } from '../backends/backend.ts';
import { BACKENDS } from '../backends/open.ts';
import { topK } from '../compressors/top-k.ts';
import { openDevice } from '../device.ts';
import { BackendUnavailableError } from '../errors.ts';
import { place } from './place.ts';

export interface Checkup {
  readonly backend: BackendName;
  readonly works: boolean;
  /** What runs underneath, or why it does not work. */
  readonly detail: string;
  /** Why `openDevice()` passes over it although it works. */
  readonly notTaken?: string;
}

export interface Diagnosis {
  readonly runtime: string;
  readonly platform: string;
  readonly backends: readonly Checkup[];
  /** What `openDevice()` takes here. */
  readonly auto: BackendName;
}

export async function diagnose(): Promise<Diagnosis> {
  const backends: Checkup[] = [];
  for (const backend of BACKENDS) backends.push(await checkup(backend));
  const device = await openDevice();
  const { backend: auto, reasons } = device;
  device.close();
  return {
    ...place(),
    backends: backends.map((one) =>
      one.works && reasons[one.backend] ? { ...one, notTaken: reasons[one.backend] } : one,
    ),
    auto,
  };
}

async function checkup(backend: BackendName): Promise<Checkup> {
  try {
    const device = await openDevice({ backend });
    try {
      const packet = await device.compress(topK({ k: 1 }), new Float32Array([1, -3, 2]));
      const [, largest] = await device.decompress(packet);
      return largest === -3
        ? { backend, works: true, detail: device.detail }
        : { backend, works: false, detail: `opens (${device.detail}), but computes wrong results` };
    } finally {
      device.close();
    }
  } catch (error) {
    const reason = error instanceof BackendUnavailableError ? error.reasons[backend] : String(error);
    return { backend, works: false, detail: reason };
  }
}
