/** Devices that are opened and closed many times leave nothing behind, and none keeps a process alive. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openDevice, scaledSign } from '../ts/index.ts';
import { skip } from './support/require.ts';
import { suite } from './support/suite.ts';

const test = suite('life cycle');

/** What a program prints that runs in a process of its own. */
async function run(...args: string[]): Promise<string> {
  const options = { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 120_000 };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', ...args], options);
  return stdout;
}

for (const [options, times, n] of [
  [{ backend: 'js' }, 1000, 1000],
  [{ backend: 'wasm' }, 1000, 1000],
  [{ backend: 'wasm', threads: 3 }, 60, 2 ** 18],
  [{ backend: 'webgpu' }, 60, 1000],
] as const)
  test(`${JSON.stringify(options)} ${times} times: no thread and no handle is left`, async () => {
    if (!existsSync('/proc/self/task')) return skip('only Linux lists the threads of a process');
    const program = 'tests/support/open-and-close.ts';
    const text = await run(program, JSON.stringify(options), String(times), String(n));
    const { before, after } = JSON.parse(text) as { before: number[]; after: number[] };
    assert.is(before.length, 2);
    for (const [kind, count] of after.entries())
      assert.ok(count <= before[kind], `${count} ${['threads', 'handles'][kind]}, before ${before[kind]}`);
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
    assert.match(await run('--input-type=module', '--eval', program), /^SIMD, 2 threads \d+/);
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
