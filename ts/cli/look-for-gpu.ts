/** A process that looks for a GPU: status 0 where it finds one, else 1, and on standard output why not. See gpu.ts. */
import { openGpu } from '../backends/webgpu/open.ts';

try {
  (await openGpu({ allowSoftware: true })).close([]);
} catch (error) {
  process.stdout.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
