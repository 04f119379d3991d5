/** The federated example in a real Chromium: two pages of different data, one of which is closed in mid round. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { launch } from '../browser/run.ts';
import { skip } from '../support/require.ts';
import { softwareGpu } from '../support/software-gpu.ts';
import { suite } from '../support/suite.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const test = suite('the federated example');

test('two pages train one model; one is closed in mid round, the round goes on, and it joins again', async () => {
  const gpu = await softwareGpu();
  if (gpu === undefined) return skip('Chromium is carried for Linux x64 alone');
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/federated/server.ts', '1000', '0'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  let look = (): void => {};
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    look();
  });
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  /** Resolves where what came after `from` has these words. */
  const until = (words: RegExp, from = 0): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      look = () => {
        const found = words.exec(output.slice(from));
        if (found !== null) resolve(found);
      };
      look();
      child.once('close', () => reject(new Error(`ended without ${words}: ${output}${errors}`)));
    });
  const browser = await launch(gpu);
  try {
    await until(/id=bob.*\n/);
    const urls = output.match(/http:.*/g) ?? [];
    assert.is(urls.length, 2);
    const context = await browser.newContext();
    const open = async (url: string): Promise<Page> => {
      const page = await context.newPage();
      page.on('pageerror', (error) => (errors += `${error.stack}\n`));
      await page.goto(url);
      return page;
    };
    const alice = await open(String(urls[0]));
    let bob = await open(String(urls[1]));
    await until(/by alice, bob.*\n(.*by alice, bob.*\n){2}/);
    // it has the start of a round, and trains
    await bob.close();
    const gone = output.length;
    await until(/by alice;.*\n.*by alice;/, gone);
    bob = await open(String(urls[1]));
    const back = output.length;
    await until(/by alice, bob.*\n(.*\n)*.*by alice, bob(.*\n){20}/, back);
    assert.is(errors, '');
    for (const [name, page] of Object.entries({ alice, bob })) {
      const said = (await page.textContent('#state')) ?? '';
      const [, round, digest, accuracy] =
        /round (\d+) from ([\da-f]{16}), test accuracy ([\d.]+)/.exec(said) ?? [];
      // the page may be a round ahead of what was read of the server so far
      const [, started] = await until(new RegExp(`round ${round} starts from ([\\da-f]{16})`));
      assert.is(started, digest, `${name}: ${said}`);
      assert.ok(Number(accuracy) > 0.6, `${name}: ${said}`);
    }
  } finally {
    child.kill('SIGTERM');
    await browser.close();
  }
});

test.run();
