/** The page's part on this browser: its backends, how fast they are, and whether they agree. */
import { by, fill, fillList, sentence } from '../elements.ts';
import { diagnosis, startBrowserWorker } from './backends.ts';
import { openBench } from './bench.ts';
import { openVerify } from './verify.ts';

export function openBrowserPart(): void {
  showBackends().catch((cause: unknown) => void (by('browser-taken').textContent = sentence(cause)));
  openVerify();
  openBench();
}

async function showBackends(): Promise<void> {
  const { backends, auto, runtime } = await diagnosis();
  fill(
    by('browser-backends'),
    backends.map(({ backend, works, detail, notTaken }) => [
      backend,
      works ? 'yes' : 'no',
      notTaken === undefined ? sentence(detail) : `${sentence(detail)} ${sentence(notTaken)}`,
    ]),
  );
  by('browser-taken').textContent = `fewbits takes ${auto} in this browser.`;
  const simd = backends.find(({ backend }) => backend === 'wasm')?.detail ?? '';
  const { calls, end } = startBrowserWorker();
  try {
    const { threads, gpu, gpuFeatures } = await calls.facts();
    fillList(by('browser-facts'), [
      ['WebAssembly', simd],
      ['threads', threads],
      ['GPU', gpu],
      ['GPU features', gpuFeatures],
      ['browser', runtime],
    ]);
  } finally {
    end();
  }
}
