/** Devices that are opened and closed a thousand times leave nothing behind, and none keeps a process alive. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openDevice, scaledSign, topK, type DeviceOptions } from '../ts/index.ts';
import { input } from './support/inputs.ts';
import { suite } from './support/suite.ts';

const test = suite('life cycle');

/** Threads of this process; undefined where the system does not list them. */
function threads(): number | undefined {
  try {
    return readdirSync('/proc/self/task').length;
  } catch {
    return undefined;
  }
}

/** Files, sockets and pipes that this process has open. */
function handles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

async function openAndClose(options: DeviceOptions, times: number, n: number): Promise<void> {
  const x = input('normal', n);
  for (let i = 0; i < times; i++) {
    const device = await openDevice(options);
    assert.ok((await device.compress(topK({ ratio: 0.01 }), x)).length > 0);
    device.close();
  }
}

/** Waits until a count is back where it was: threads end a moment after they were told to. */
async function returns(count: () => number | undefined, before: number | undefined): Promise<void> {
  for (let i = 0; i < 100 && (count() ?? 0) > (before ?? 0); i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok((count() ?? 0) <= (before ?? 0), `${count()} instead of ${before}`);
}

for (const [options, times, n] of [
  [{ backend: 'js' }, 1000, 1000],
  [{ backend: 'wasm' }, 1000, 1000],
  [{ backend: 'wasm', threads: 3 }, 60, 2 ** 18],
  [{ backend: 'webgpu' }, 60, 1000],
] as const)
  test(`${JSON.stringify(options)} ${times} times: no thread and no handle is left`, async () => {
    await openAndClose(options, 5, n);
    const before = [threads(), handles()];
    await openAndClose(options, times, n);
    await returns(threads, before[0]);
    await returns(handles, before[1]);
  });

for (const last of ['device.close()', '/* left open */'])
  test(`a process with threads ends by itself after ${last}`, async () => {
    const program = `
      import { openDevice, scaledSign } from ${JSON.stringify(new URL('../ts/index.ts', import.meta.url).href)};
      const device = await openDevice({ backend: 'wasm', threads: 2 });
      const packet = await device.compress(scaledSign(), new Float32Array(2 ** 18).fill(1));
      console.log(device.detail, packet.length);
      ${last};
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 30_000 },
    );
    assert.match(stdout, /^SIMD, 2 threads \d+/);
  });

test('after close, a device says so, with threads too', async () => {
  const device = await openDevice({ backend: 'wasm', threads: 2 });
  const x = device.allocate(2 ** 18);
  device.close();
  device.close();
  try {
    await device.compress(scaledSign(), x);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).name, 'DeviceClosedError');
  }
  x.fill(1); // the vector is its user's
});

test.run();
