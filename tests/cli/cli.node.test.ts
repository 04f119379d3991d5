import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { readNpy, writeNpy } from '../../ts/files/npy.ts';
import { readSafetensors } from '../../ts/files/safetensors.ts';
import { type Outcome, runCommand } from '../support/command.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('command line');
let folder = '';
test.before(() => void (folder = mkdtempSync(`${tmpdir()}/fewbits-`)));
test.after(() => rmSync(folder, { recursive: true }));

const fewbits = (...args: string[]): Promise<Outcome> => runCommand(folder, args);

function save(name: string, x: Float32Array): void {
  writeFileSync(`${folder}/${name}`, writeNpy(x));
}

/** An .npy file of any element type. */
function npy(descr: string, shape: string, data: Uint8Array, fortran = 'False'): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`.padEnd(117) + '\n';
  return new Uint8Array([
    0x93,
    ...Buffer.from('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...Buffer.from(header),
    ...data,
  ]);
}

test('compress, inspect and decompress', async () => {
  const x = input('normal', 1000);
  save('g.npy', x);
  const compress = await fewbits(
    'compress',
    'g.npy',
    '-o',
    'g.fb',
    '--compressor',
    'top-k:ratio=0.01',
    '--backend',
    'wasm',
  );
  assert.is(compress.status, 0, compress.stderr);
  assert.match(compress.stdout, /g\.npy -> g\.fb on wasm/);
  const inspect = await fewbits('inspect', 'g.fb');
  assert.match(inspect.stdout, /topK \(k=10, coding=rice, values=float32\), n = 1000/);
  assert.is((await fewbits('decompress', 'g.fb', '-o', 'back.npy')).status, 0);
  const { data } = readNpy(readFileSync(`${folder}/back.npy`));
  const kept = data.filter((value) => value !== 0);
  assert.is(kept.length, 10);
  assert.ok(data.every((value, i) => value === 0 || value === x[i]));
});

test('--json on each command', async () => {
  save('g.npy', input('normal', 64));
  const json = async (...args: string[]): Promise<Record<string, unknown>> =>
    JSON.parse((await fewbits(...args, '--json')).stdout) as Record<string, unknown>;
  const compressed = await json('compress', 'g.npy', '-o', 'j.fb', '-c', 'scaled-sign', '-b', 'js');
  assert.equal([compressed.backend, compressed.compressor, compressed.n], ['js', 'scaledSign', 64]);
  assert.is((await json('inspect', 'j.fb')).bytes, 36);
  assert.is((await json('decompress', 'j.fb', '-o', 'j.npy', '-b', 'js')).backend, 'js');
  const { backends, auto } = await json('doctor');
  assert.is((backends as unknown[]).length, 3);
  assert.ok(['webgpu', 'wasm'].includes(auto as string));
});

test('float64 and float16 are converted, with a note', async () => {
  writeFileSync(
    `${folder}/d.npy`,
    npy('<f8', '(2, 2)', new Uint8Array(new Float64Array([1, -2, 0.1, 4]).buffer)),
  );
  writeFileSync(
    `${folder}/h.npy`,
    npy('<f2', '(3,)', new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x0001]).buffer)),
  );
  const double = await fewbits('compress', 'd.npy', '-o', 'd.fb', '-c', 'top-k:k=4');
  assert.match(double.stderr, /holds float64, converted to float32/);
  await fewbits('compress', 'h.npy', '-o', 'h.fb', '-c', 'top-k:k=3');
  await fewbits('decompress', 'd.fb', '-o', 'd2.npy');
  await fewbits('decompress', 'h.fb', '-o', 'h2.npy');
  assert.equal([...readNpy(readFileSync(`${folder}/d2.npy`)).data], [1, -2, Math.fround(0.1), 4]);
  assert.equal([...readNpy(readFileSync(`${folder}/h2.npy`)).data], [1, -2, 2 ** -24]);
});

test('a model of .safetensors, as one vector and back', async () => {
  const a = input('normal', 12);
  const b = new Float64Array([0.1, -2]);
  const c = new Uint16Array([0x3fc0, 0xc000]); // bfloat16 1.5, -2
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    'layer.weight': { dtype: 'F32', shape: [3, 4], data_offsets: [0, 48] },
    half: { dtype: 'BF16', shape: [2], data_offsets: [64, 68] },
    'layer.bias': { dtype: 'F64', shape: [2], data_offsets: [48, 64] },
  });
  const file = Buffer.concat(
    [new BigUint64Array([BigInt(header.length)]), header, a, b, c].map((part) =>
      typeof part === 'string' ? Buffer.from(part) : Buffer.from(part.buffer),
    ),
  );
  writeFileSync(`${folder}/m.safetensors`, file);
  const compress = await fewbits('compress', 'm.safetensors', '-o', 'm.fb', '-c', 'float32');
  assert.is(compress.status, 0, compress.stderr);
  assert.match(compress.stderr, /holds F64, BF16, converted to float32/);
  assert.is((await fewbits('decompress', 'm.fb', '-o', 'back.safetensors')).status, 0);
  const { data, tensors } = readSafetensors(readFileSync(`${folder}/back.safetensors`));
  assert.equal([...data], [...a, Math.fround(0.1), -2, 1.5, -2]);
  assert.equal(
    tensors.map(({ name, shape, first }) => [name, shape, first]),
    [
      ['layer.weight', [3, 4], 0],
      ['layer.bias', [2], 12],
      ['half', [2], 14],
    ],
  );
  writeFileSync(`${folder}/cut.safetensors`, file.subarray(0, 230));
  writeFileSync(
    `${folder}/int.safetensors`,
    Buffer.from(file.toString('latin1').replace('"F32"', '"I32"'), 'latin1'),
  );
  writeFileSync(`${folder}/none.safetensors`, new Uint8Array(20));
  for (const [name, why] of [
    ['cut', /passes the end of the file|ends inside/],
    ['int', /"layer.weight" holds I32; F32, F64, F16, BF16 can be read/],
    ['none', /header is not JSON/],
  ] as const) {
    const { status, stderr } = await fewbits('compress', `${name}.safetensors`, '-o', 'out', '-c', 'float32');
    assert.ok(status > 0);
    assert.match(stderr, why);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
  }
  rmSync(`${folder}/m.fb.json`);
  const lost = await fewbits('decompress', 'm.fb', '-o', 'lost.safetensors');
  assert.match(lost.stderr, /cannot read m\.fb\.json: no such file.*needs the map.*--map/);
});

test('what is wrong is one line on standard error, status not 0, no file left behind', async () => {
  const x = input('normal', 100);
  save('g.npy', x);
  save('nan.npy', Float32Array.of(1, NaN, 2));
  writeFileSync(`${folder}/cut.npy`, writeNpy(x).subarray(0, 300));
  writeFileSync(`${folder}/int.npy`, npy('<i4', '(1,)', new Uint8Array(4)));
  writeFileSync(`${folder}/columns.npy`, npy('<f4', '(2, 2)', new Uint8Array(16), 'True'));
  await fewbits('compress', 'g.npy', '-o', 'g.fb', '-c', 'top-k:k=10');
  const packet = readFileSync(`${folder}/g.fb`);
  writeFileSync(`${folder}/short.fb`, packet.subarray(0, packet.length - 3));
  packet[40] ^= 1;
  writeFileSync(`${folder}/flipped.fb`, packet);
  const before = readdirSync(folder).length;
  const compress = ['compress', 'g.npy', '-o', 'out', '-c'];
  const cases: [string[], RegExp][] = [
    [
      ['compress', 'nan.npy', '-o', 'out', '-c', 'top-k:k=1'],
      /1 NaN or infinite element, the first at index 1/,
    ],
    [
      ['compress', 'cut.npy', '-o', 'out', '-c', 'top-k:k=1'],
      /172 bytes of data, its shape \(100\) takes 400/,
    ],
    [['compress', 'int.npy', '-o', 'out', '-c', 'top-k:k=1'], /holds '<i4'; float32/],
    [['compress', 'columns.npy', '-o', 'out', '-c', 'top-k:k=1'], /Fortran order/],
    [['compress', 'none.npy', '-o', 'out', '-c', 'top-k:k=1'], /cannot read none\.npy: no such file/],
    [
      ['compress', 'g.npy', '-o', 'no/out', '-c', 'top-k:k=1'],
      /cannot write no\/out: no such file or folder/,
    ],
    [[...compress, 'top-k:k=101'], /"k" expected an integer in 1\.\.100, got 101/],
    [[...compress, 'top-k:k=ten'], /"k" expected an integer in 1\.\.4294967295, got "ten"/],
    [[...compress, 'top-k'], /either "k" or "ratio"/],
    [[...compress, 'top-k:k'], /"k" expected NAME=VALUE, as in top-k:ratio=0\.01/],
    [
      [...compress, 'zip'],
      /unknown compressor "zip"; known are top-k, threshold, random-k, randomized-top-k, mask-encoded, quantized, /,
    ],
    [
      [...compress, 'top-k:k=1', '--backend', 'cuda'],
      /"backend" expected one of auto, webgpu, wasm, js, got "cuda"/,
    ],
    [[...compress, 'top-k:k=1', '--speed', '9'], /--speed/],
    [['compress', 'g.npy', '-c', 'top-k:k=1'], /expected -o OUT\.fb/],
    [['compress', 'g.npy', '-o', 'out'], /expected --compressor/],
    [[...compress, 'top-k:k=1', '-c', 'float32'], /expected one --compressor/],
    [['decompress', 'short.fb', '-o', 'out'], /the packet says \d+ bytes, got \d+/],
    [['decompress', 'flipped.fb', '-o', 'out'], /the CRC does not match/],
    [['inspect', 'g.npy'], /do not start with 'fewb'/],
    [['shrink', 'g.npy'], /unknown command "shrink"/],
    [[], /expected a command/],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => fewbits(...args)));
  outcomes.forEach(({ status, stderr, stdout }, i) => {
    const [args, message] = cases[i];
    assert.ok(status > 0, args.join(' '));
    assert.match(stderr, message);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
    assert.is(stdout, '');
  });
  assert.is(readdirSync(folder).length, before, 'a failed command left a file behind');
});

test('--help names every command', async () => {
  const { status, stdout } = await fewbits('--help');
  assert.is(status, 0);
  for (const name of [
    'doctor',
    'bench',
    'compress',
    'decompress',
    'inspect',
    'top-k:ratio=0.01',
    'scaled-sign',
  ])
    assert.match(stdout, name);
});

test.run();
