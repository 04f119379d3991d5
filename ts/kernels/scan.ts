/**
 * Prefix sums of words, on which compaction stands. Here: what all backends give, and the public function. How:
 * ts/backends/js/scan.ts, assembly/scan.ts and wgsl/scan.wgsl, which reduces, then scans (never decoupled look-back,
 * which hangs where a GPU does not promise forward progress).
 */
import { requireUint32Array } from '../arguments.ts';
import type { Kernel } from './kernel.ts';
import type { Host } from './scope.ts';

/** sums_i = x_0 + ... + x_{i-1} and total[0] = the sum of all, modulo 2^32. n >= 1. */
export const scanKernel: Kernel<'x' | 'sums' | 'total', 'n'> = {
  name: 'scan',
  buffers: ['x', 'sums', 'total'],
  params: ['n'],
};

/**
 * Exclusive prefix sums modulo 2^32, and the total.
 *
 * @example
 * await device.kernels.scan(new Uint32Array([3, 1, 4])); // { sums: [0, 3, 4], total: 8 }
 */
export async function scan(host: Host, x: Uint32Array): Promise<{ sums: Uint32Array; total: number }> {
  requireUint32Array('x', x);
  const n = x.length;
  if (n === 0) return { sums: new Uint32Array(0), total: 0 };
  return host.use(function* (scope) {
    const sums = scope.take(n);
    const total = scope.take(1);
    scope.run(scanKernel, { x: scope.put(x), sums, total }, { n });
    const read = yield scope.read(sums, total);
    return { sums: read[0], total: read[1][0] };
  });
}

/** Words that a workgroup scans: 8 a thread, so that 8 KiB of its memory hold them. */
export const TILE = 2048;
