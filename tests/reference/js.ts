/** Runs of single kernels on the js backend, which tests compare with references. */
import { openJs } from '../../ts/backends/js/index.ts';
import type { DeviceBuffer } from '../../ts/backends/backend.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import type { Case } from '../support/same-words.ts';

const js = openJs();

/** The words that a kernel leaves in its outputs, and in what it changes. */
export async function runOnJs({
  kernel,
  inputs,
  outputs,
  changed = {},
  params,
}: Case): Promise<Record<string, Uint32Array>> {
  const scope = new Scope(js);
  try {
    const buffers: Record<string, DeviceBuffer> = {};
    for (const [name, data] of Object.entries({ ...inputs, ...changed })) buffers[name] = scope.put(data);
    for (const [name, count] of Object.entries(outputs))
      buffers[name] = scope.put(new Uint32Array(count).fill(0xa5a5a5a5));
    scope.run(kernel, buffers, params);
    const names = Object.keys({ ...outputs, ...changed });
    const read = await js.read(scope.read(...names.map((name) => buffers[name])));
    return Object.fromEntries(names.map((name, i) => [name, read[i]]));
  } finally {
    scope.end();
  }
}
