/** Kernels that are made of others, on backends that do nothing better than to run these one after the other. */
import type { Parts } from '../kernels/kernel.ts';
import type { Backend, DeviceBuffer } from './backend.ts';

/**
 * Runs the parts of a kernel over its buffers, with memory of their own between them.
 * @throws RangeError where the backend cannot hold so much
 */
export function runParts(
  backend: Pick<Backend, 'allocate' | 'release' | 'run'>,
  { scratch, runs }: Parts,
  buffers: Readonly<Record<string, DeviceBuffer>>,
): void {
  const all: Record<string, DeviceBuffer> = { ...buffers };
  const taken: DeviceBuffer[] = [];
  try {
    // name by name: lists of entries take as long as kernels over few elements
    for (const name in scratch) taken.push((all[name] = backend.allocate(scratch[name])));
    for (const { kernel, buffers: names, params } of runs) {
      const own: Record<string, DeviceBuffer> = {};
      for (const name in names) own[name] = all[names[name]];
      backend.run(kernel, own, params);
    }
  } finally {
    for (const buffer of taken) backend.release(buffer);
  }
}
