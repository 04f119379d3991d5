/** Devices that are opened and closed many times leave nothing behind, and none keeps a process alive. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { DeviceClosedError, openDevice, scaledSign } from '../ts/index.ts';
import { rejects } from './support/host.ts';
import { share, some } from './support/inputs.ts';
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
  test(`${JSON.stringify(options)} ${share(times)} times: no thread and no handle is left`, async () => {
    if (!existsSync('/proc/self/task')) return skip('only Linux lists the threads of a process');
    const program = 'tests/support/open-and-close.ts';
    const text = await run(program, JSON.stringify(options), String(share(times)), String(n));
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
  const x = device.vector(2 ** 18);
  device.close();
  device.close();
  for (const call of [device.compress(scaledSign(), x), x.read(), x.write(new Float32Array(2 ** 18))])
    await rejects(call, DeviceClosedError);
  x.free();
});

for (const options of some([{ backend: 'wasm', threads: 2 }, { backend: 'wasm' }, { backend: 'js' }]))
  test(`memory of ${JSON.stringify(options)} goes back: by trim, after calls that had no use for it, and by close`, async () => {
    const program = `
      import { openDevice, topK } from ${JSON.stringify(new URL('../ts/index.ts', import.meta.url).href)};
      const resident = async () => {
        for (let i = 0; i < 3; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 100)); }
        return process.memoryUsage().rss / 2 ** 20;
      };
      const device = await openDevice(${JSON.stringify(options)});
      const small = new Float32Array(2 ** 18).fill(1);
      // 64 MiB in the backend's memory, twice; the result is not held
      const ones = new Float32Array(2 ** 24).fill(1);
      const large = async () => void (await device.kernels.fwht(ones, { block: 1024 }));
      await device.compress(topK({ k: 3 }), small);
      device.trim();
      const before = await resident();
      const more = async () => Math.round(await resident() - before);
      const found = {};
      await large();
      found.kept = await more();
      device.trim();
      found.trimmed = await more();
      await large();
      for (let i = 0; i < 300; i++) await device.compress(topK({ k: 3 }), small);
      found.unused = await more();
      const pending = large();
      device.trim();
      await pending;
      found.pending = await more();
      device.trim();
      await large();
      device.close();
      found.closed = await more();
      device.trim();
      console.log(JSON.stringify({ ...found, backend: device.backend }));
    `;
    const text = await run('--expose-gc', '--input-type=module', '--eval', program);
    const found = JSON.parse(text) as Record<'kept' | 'trimmed' | 'unused' | 'pending' | 'closed', number>;
    assert.ok(found.kept > 50, `MiB: ${text}`);
    // what js has under way as it is trimmed is kept for the next call; wasm gives all back when the call has ended
    const left = [found.trimmed, found.unused, found.closed, options.backend === 'js' ? 0 : found.pending];
    for (const mebibytes of left) assert.ok(mebibytes < 30, `MiB: ${text}`);
  });

test.run();
