/**
 * Looking for a GPU without a word. Dawn and the Vulkan loader write to standard error by themselves where there is no
 * driver, past Node's own streams: so a process of its own looks first, whose output nobody sees. Where it finds no
 * GPU, FEWBITS_NO_GPU says why, here and in the processes that this one starts, and Dawn is not asked again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendName } from '../backends/backend.ts';
import { openDevice, type Device } from '../device.ts';
import { quoted } from '../files/quote.ts';
import { UsageError } from './usage.ts';

/** Milliseconds that the search may take: a driver that starts for the first time takes seconds. */
const PATIENCE = 30_000;

/** Looks for a GPU where `backend` may want one, once. */
export async function lookForGpu(backend: string | undefined): Promise<void> {
  if (backend === 'wasm' || backend === 'js' || process.env.FEWBITS_NO_GPU || !isInstalled()) return;
  // the file beside this one, as it is run: built, or as TypeScript
  const file = fileURLToPath(new URL(`./look-for-gpu${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, file], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE,
  });
  let reason = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (reason += text));
  const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (status !== 0)
    process.env.FEWBITS_NO_GPU = reason || `looking for a GPU ended with ${signal ?? `status ${status}`}`;
}

/** What `--backend` takes. */
const BACKENDS: readonly string[] = ['auto', 'webgpu', 'wasm', 'js'];

/** Opens a device as `openDevice` does, without a word of Dawn's. @throws UsageError where there is no such backend */
export async function openQuietly(backend: string | undefined): Promise<Device> {
  if (backend !== undefined && !BACKENDS.includes(backend))
    throw new UsageError(`--backend expected one of ${BACKENDS.join(', ')}, got ${quoted(backend)}`);
  await lookForGpu(backend);
  return openDevice({ backend: backend as BackendName | undefined });
}

function isInstalled(): boolean {
  try {
    import.meta.resolve('webgpu');
    return true;
  } catch {
    return false; // openDevice says so
  }
}
