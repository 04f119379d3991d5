/** Skips that cannot go unseen: they are printed and counted, and fail where REQUIRE_ALL=1 is set. */
import { reporter } from './report.ts';
import { settings } from './settings.ts';

/**
 * Says that the running test cannot run here. The test returns right after calling this, once.
 * @throws Error where REQUIRE_ALL=1, so that the test fails
 * @example
 * test('runs on a GPU', () => {
 *   if (!navigator.gpu) return skip('no WebGPU here');
 * });
 */
export function skip(reason: string): void {
  if (settings.requireAll) throw new Error(`cannot run here, and REQUIRE_ALL=1 is set: ${reason}`);
  console.log(`SKIPPED: ${reason}`);
  reporter.skips += 1;
}
