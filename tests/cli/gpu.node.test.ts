/** A GPU that is not there is looked for without a word of Dawn's or the Vulkan loader's. */
import * as assert from 'uvu/assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNpy } from '../../ts/files/npy.ts';
import { runCommand } from '../support/command.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';

const test = suite('a GPU that is not there');

test('nothing stands above what fewbits says', async () => {
  const gpu = await softwareGpu();
  if (gpu === undefined) return; // elsewhere there is no Vulkan loader to be without a driver
  const folder = mkdtempSync(join(tmpdir(), 'fewbits-'));
  try {
    const env = { LD_LIBRARY_PATH: gpu.env.LD_LIBRARY_PATH, VK_DRIVER_FILES: join(folder, 'none.json') };
    writeFileSync(join(folder, 'x.npy'), writeNpy(Float32Array.of(1, -3, 2)));
    const doctor = await runCommand(folder, ['doctor'], env);
    assert.is(doctor.stderr, '');
    assert.match(doctor.stdout, /^Node .*\n {2}webgpu {2}no {5}no GPU adapter was found\n/);
    const compress = ['compress', 'x.npy', '-o', 'x.fb', '-c', 'top-k:k=1'];
    assert.is((await runCommand(folder, compress, env)).stderr, '');
    const named = await runCommand(folder, [...compress, '-b', 'webgpu'], env);
    assert.is(named.status, 1);
    assert.is(named.stderr, 'fewbits: no backend available: webgpu: no GPU adapter was found\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
