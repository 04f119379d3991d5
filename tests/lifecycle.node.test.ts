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

test('memory goes back: by trim, after calls that had no use for it, and by close though the device is kept', async () => {
  const program = `
    import { openDevice, topK, float32 } from ${JSON.stringify(new URL('../ts/index.ts', import.meta.url).href)};
    const settled = async () => {
      for (let i = 0; i < 4; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 100)); }
      return process.memoryUsage().rss / 2 ** 20;
    };
    const found = [];
    for (const options of [{ backend: 'js' }, { backend: 'wasm' }, { backend: 'wasm', threads: 2 }]) {
      const device = await openDevice(options);
      const small = new Float32Array(2 ** 18).fill(1);
      // 64 MiB in the backend's memory
      const packet = await device.compress(float32(), new Float32Array(2 ** 24).fill(1));
      const into = new Float32Array(2 ** 24).fill(1);
      const large = () => device.decompress(packet, { into });
      await device.compress(topK({ k: 3 }), small);
      device.trim();
      const before = await settled();
      const more = async () => Math.round(await settled() - before);
      const row = { options };
      await large();
      row.kept = await more();
      device.trim();
      row.trimmed = await more();
      await large();
      for (let i = 0; i < 300; i++) await device.compress(topK({ k: 3 }), small);
      row.unused = await more();
      const pending = large();
      device.trim();
      await pending;
      row.pending = await more();
      device.trim();
      await large();
      device.close();
      row.closed = await more();
      device.trim();
      found.push({ ...row, backend: device.backend });
    }
    console.log(JSON.stringify(found));
  `;
  const rows = JSON.parse(await run('--expose-gc', '--input-type=module', '--eval', program)) as {
    backend: string;
    kept: number;
    trimmed: number;
    unused: number;
    pending: number;
    closed: number;
  }[];
  assert.is(rows.length, 3);
  for (const { kept, trimmed, unused, pending, closed, backend } of rows) {
    const all = `${backend}, MiB: ${JSON.stringify({ kept, trimmed, unused, pending, closed })}`;
    assert.ok(kept > 50, all);
    for (const left of [trimmed, unused, closed]) assert.ok(left < 30, all);
    // js keeps no more than it did; wasm gives all of it back when the call has ended
    assert.ok(backend === 'js' || pending < 30, all);
  }
});

test.run();
