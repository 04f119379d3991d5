/** Files in the page: the packets that Node and the command make, what is said of wrong files, the keyboard alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openDevice, topK, type Compressor } from 'fewbits';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { histogramOf, lossOf } from '../../examples/web/compress/measure.ts';
import { examples, parseCompressor } from '../../ts/cli/specification.ts';
import { normal } from '../../ts/cli/bench.ts';
import { writeNpy } from '../../ts/files/npy.ts';
import { writeSafetensors } from '../../ts/files/safetensors.ts';
import { runCommand } from '../support/command.ts';
import { some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { openSite, type Site, type VisitOptions } from './site.ts';

const test = suite('the page: files');

let site: Site;
let folder = '';
test.before(async () => {
  folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  site = await openSite();
});
test.after(async () => {
  await site.close();
  rmSync(folder, { recursive: true });
});

async function visit(
  options: Partial<VisitOptions>,
  work: (page: Page, problems: string[]) => Promise<void>,
): Promise<void> {
  const { page, problems, close } = await site.visit({ at: '#compress', ...options });
  page.setDefaultTimeout(60_000);
  await work(page, problems);
  assert.equal(problems, []);
  await close();
}

const give = (page: Page, file: string): Promise<void> =>
  page.getByLabel('Choose a file').setInputFiles(`${folder}/${file}`);

/** Waits until all is measured. */
async function measured(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    /measured on/.test(document.querySelector('#compress-now')?.textContent ?? ''),
  );
}

/** The bytes behind a button. */
async function downloaded(page: Page, button: string): Promise<Uint8Array> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ]);
  return new Uint8Array(readFileSync(await download.path()));
}

for (const [gpu, isolated] of some([
  [true, true],
  [false, true],
  [false, false],
] as const))
  test(`each compressor's packet of an .npy file is Node's; ${gpu ? 'webgpu' : 'wasm'}, ${isolated ? '' : 'not '}isolated`, async () => {
    const values = normal(70_001);
    writeFileSync(`${folder}/values.npy`, writeNpy(values));
    const device = await openDevice({ backend: 'wasm' });
    await visit({ gpu, isolated }, async (page) => {
      if (gpu) {
        await page.waitForSelector('#compress-backend option[value=webgpu]', { state: 'attached' });
        await page.evaluate(
          () => ((document.querySelector('#compress-backend') as HTMLSelectElement).value = 'webgpu'),
        );
      }
      await give(page, 'values.npy');
      await measured(page);
      assert.is(
        await page.locator('#compress-now').textContent(),
        '13 of 13 compressors measured on values.npy.',
      );
      // on webgpu each of them was measured too; comparing three packets will do
      for (const example of gpu ? examples().slice(0, 3) : examples()) {
        await page.getByLabel(`see ${example.split(':')[0]}`, { exact: true }).check();
        const compressor: Compressor = parseCompressor(example) as unknown as Compressor;
        const expected = await device.compress(compressor, values);
        assert.equal(await downloaded(page, 'Download the packet'), expected, example);
        const cells = await page.locator('#compress-table tr:has(:checked) td').allTextContents();
        assert.is(cells[3], expected.length.toLocaleString('en-US'));
        const { relative } = lossOf(values, await device.decompress(expected));
        assert.ok(Math.abs(Number(cells[2]) - relative) <= 0.006 * relative, `${cells[2]}, ${relative}`);
      }
    });
    device.close();
  });

test('a .safetensors file of the command: its packet, its map, one of its tensors; options can be changed', async () => {
  const data = normal(5000);
  const tensors = [
    { name: 'layer.weight', shape: [40, 100], dtype: 'F32', first: 0, count: 4000 },
    { name: 'layer.bias', shape: [1000], dtype: 'F32', first: 4000, count: 1000 },
  ];
  writeFileSync(`${folder}/given.safetensors`, writeSafetensors({ data, tensors }));
  const pack = ['-c', 'scaled-sign:block=64', '-o'];
  assert.is((await runCommand(folder, ['compress', 'given.safetensors', ...pack, 'given.fb'])).status, 0);
  assert.is((await runCommand(folder, ['decompress', 'given.fb', '-o', 'model.safetensors'])).status, 0);
  assert.is((await runCommand(folder, ['compress', 'model.safetensors', ...pack, 'model.fb'])).status, 0);
  await visit({}, async (page) => {
    await give(page, 'model.safetensors');
    await measured(page);
    const field = page.getByLabel('scaled-sign: name and options');
    await field.fill('scaled-sign:block=64');
    await field.press('Enter');
    await measured(page);
    await page.getByLabel('see scaled-sign').check();
    const packet = await downloaded(page, 'Download the packet');
    assert.equal(packet, new Uint8Array(readFileSync(`${folder}/model.fb`)));
    // and back by the command
    writeFileSync(`${folder}/page.fb`, packet);
    writeFileSync(`${folder}/page.fb.json`, await downloaded(page, 'Download the map'));
    assert.is((await runCommand(folder, ['decompress', 'page.fb', '-o', 'page.safetensors'])).status, 0);
    assert.is((await runCommand(folder, ['decompress', 'model.fb', '-o', 'back.safetensors'])).status, 0);
    assert.equal(readFileSync(`${folder}/page.safetensors`), readFileSync(`${folder}/back.safetensors`));

    await page.locator('#compress-tensor').selectOption({ label: 'layer.bias (1000)' });
    await measured(page);
    await page.getByLabel('see float32').check();
    const one = await downloaded(page, 'Download the packet');
    assert.is(one.length, 16 + 4000 + 4);

    await field.fill('scaled-sign:blocks=64');
    await field.press('Enter');
    await measured(page);
    const row = page.locator('#compress-table tr', { has: field });
    assert.match((await row.locator('.problem').textContent()) ?? '', /no option "blocks"/);
    assert.is(await field.getAttribute('aria-invalid'), 'true');
  });
});

test('what is wrong with a file is said in one sentence', async () => {
  const sound = writeNpy(normal(100));
  const safetensors = writeSafetensors({
    data: normal(100),
    tensors: [{ name: 'a', shape: [100], dtype: 'F32', first: 0, count: 100 }],
  });
  const integers = new TextDecoder('latin1').decode(sound).replace('<f4', '<i4');
  const cases: Record<string, [Uint8Array, RegExp]> = {
    'nan.npy': [
      writeNpy(Float32Array.of(1, NaN, Infinity)),
      /^nan.npy holds 2 NaN or infinite values, the first at index 1; /,
    ],
    'empty.npy': [new Uint8Array(0), /^Empty.npy is empty\.$/i],
    'none.npy': [writeNpy(new Float32Array(0)), /^none.npy holds no numbers\.$/i],
    'notes.txt': [
      new TextEncoder().encode('some notes'),
      /^notes\.txt: neither a \.npy nor a \.safetensors file\.$/,
    ],
    'cut.npy': [
      sound.subarray(0, 300),
      /^cut.npy: the .npy file has 172 bytes of data, its shape \(100\) takes 400\.$/i,
    ],
    'cut.safetensors': [
      safetensors.subarray(0, 200),
      /^cut.safetensors: the tensor "a" passes the end of the file\.$/i,
    ],
    'integers.npy': [
      Uint8Array.from(integers, (letter) => letter.charCodeAt(0)),
      /^integers.npy: .*'<i4'; float32/i,
    ],
    'text.safetensors': [
      new TextEncoder().encode('not such a file at all'),
      /^text.safetensors: the .safetensors file ends inside/i,
    ],
  };
  await visit({}, async (page) => {
    for (const [name, [bytes, said]] of Object.entries(cases)) {
      writeFileSync(`${folder}/${name}`, bytes);
      await give(page, name);
      await page.waitForFunction(
        (start) => document.querySelector('#compress-problem')?.textContent?.toLowerCase().startsWith(start),
        name,
      );
      const text = (await page.locator('#compress-problem').textContent()) ?? '';
      assert.match(text, new RegExp(said.source, 'i'));
      assert.not(await page.locator('#compress-results').isVisible());
    }
    // and a sound one after all these
    writeFileSync(`${folder}/sound.npy`, sound);
    await give(page, 'sound.npy');
    await measured(page);
    assert.not(await page.locator('#compress-problem').isVisible());
    assert.ok(await page.locator('#compress-detail').isVisible());
  });
});

test('a tensor that holds NaN leaves an error and no rows of dots; a sound one beside it is measured', async () => {
  const data = normal(200);
  data[120] = NaN;
  const tensors = ['sound', 'broken'].map((name, i) => ({
    name,
    shape: [100],
    dtype: 'F32',
    first: 100 * i,
    count: 100,
  }));
  writeFileSync(`${folder}/half.safetensors`, writeSafetensors({ data, tensors }));
  writeFileSync(`${folder}/sound.npy`, writeNpy(normal(100)));
  await visit({}, async (page) => {
    // rows of a file before it hold numbers
    await give(page, 'sound.npy');
    await measured(page);
    await give(page, 'half.safetensors');
    const told = (words: string): Promise<unknown> =>
      page.waitForFunction(
        (what) => document.querySelector('#compress-problem:not([hidden])')?.textContent?.includes(what),
        words,
      );
    const nothing = async (): Promise<void> => {
      assert.not(await page.locator('#compress-each').isVisible());
      assert.not(await page.locator('#compress-detail').isVisible());
      assert.not(await page.locator('#compress-progress').isVisible());
      assert.is(await page.locator('#compress-now').textContent(), '');
      assert.not.match((await page.locator('#compress-table tbody').textContent()) ?? '', /\.\.\.|×/);
    };
    await told('half.safetensors holds 1 NaN or infinite value, the first at index 120');
    await nothing();
    await page.selectOption('#compress-tensor', { label: 'sound (100)' });
    await measured(page);
    assert.ok(await page.locator('#compress-each').isVisible());
    await page.selectOption('#compress-tensor', { label: 'broken (100)' });
    await told('tensor "broken" holds 1 NaN or infinite value');
    await nothing();
    // another backend has nothing to measure either
    await page.locator('#compress-backend').dispatchEvent('change');
    await page.waitForTimeout(300);
    await nothing();
    await told('tensor "broken" holds');
  });
});

test('a file dropped on the page is read, and named where one that is chosen is', async () => {
  await visit({}, async (page) => {
    const bytes = [...writeNpy(normal(1000))];
    const transfer = await page.evaluateHandle((given) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(given)], 'dropped.npy'));
      return data;
    }, bytes);
    await page.dispatchEvent('#compress-drop', 'drop', { dataTransfer: transfer });
    await measured(page);
    assert.is(await page.locator('#compress-file-title').textContent(), 'dropped.npy');
    const named = (): Promise<string[]> =>
      page
        .locator('#compress-file')
        .evaluate((field) => [...((field as HTMLInputElement).files ?? [])].map(({ name }) => name));
    assert.equal(await named(), ['dropped.npy']);
    // an example is no file
    await page.getByRole('button', { name: 'normal numbers' }).click();
    await measured(page);
    assert.equal(await named(), []);
  });
});

test('the page stays awake while a large file is measured', async () => {
  writeFileSync(`${folder}/large.npy`, writeNpy(normal(4_000_000)));
  await visit({}, async (page) => {
    await page.evaluate(() => {
      const state = globalThis as { longest?: number };
      let last = performance.now();
      state.longest = 0;
      setInterval(() => {
        state.longest = Math.max(state.longest ?? 0, performance.now() - last);
        last = performance.now();
      }, 10);
    });
    await give(page, 'large.npy');
    await measured(page);
    const longest = await page.evaluate(() => (globalThis as { longest?: number }).longest ?? 0);
    console.log(`16 MB: the page was busy for ${Math.round(longest)} ms at most`);
    assert.ok(longest < 500, `${longest} ms`);
  });
});

test('by keyboard alone: from the top of the page to a packet on the disk', async () => {
  await visit({ at: '' }, async (page) => {
    const tabTo = async (words: RegExp): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        const text = await page.evaluate(() => {
          const at = document.activeElement as HTMLElement;
          return at.getAttribute('aria-label') ?? at.textContent ?? '';
        });
        if (words.test(text)) return;
      }
      throw new Error(`Tab does not reach ${words}`);
    };
    await tabTo(/^Compress$/);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'compress-title');
    await tabTo(/^normal numbers$/);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() =>
      document.querySelector('#compress-now')?.textContent?.includes('measured'),
    );
    await tabTo(/^see top-k$/);
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() =>
      document.querySelector('#compress-detail-title')?.textContent?.includes('threshold'),
    );
    await tabTo(/^Download the packet$/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.is(download.suggestedFilename(), 'normal.npy.fb');
  });
});

test('errors and histograms, in numbers', async () => {
  const sent = Float32Array.of(3, -4, 0, 0);
  assert.equal(lossOf(sent, sent), { relative: 0, largest: 0 });
  assert.equal(lossOf(sent, Float32Array.of(0, -4, 0, 0)), { relative: 0.6, largest: 3 });
  const { low, high, before, after } = histogramOf(sent, Float32Array.of(5, -4, 0, 0));
  assert.equal([low, high], [-5, 5]);
  assert.is(
    before.reduce((sum, count) => sum + count),
    4,
  );
  assert.is(before[40], 2, 'zeros lie in the middle');
  assert.is(after[80], 1, 'the largest value is in the last bin');
  assert.is(topK({ k: 1 }).name, 'topK');
});

test.run();
