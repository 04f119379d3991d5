/** What compress and decompress make of files: numbers, types, shapes, models, and how large they may be. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { withSource } from '../../ts/cli/files.ts';
import { readNpy } from '../../ts/files/npy.ts';
import { readSafetensors } from '../../ts/files/safetensors.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { folderFor, npy } from './folder.ts';

const test = suite('command line, files');
const { at, fewbits, save } = folderFor(test);

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
  const { data } = await readNpy(readFileSync(at('back.npy')));
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

test('float64 and float16 come back as they were; what float32 rounds is said', async () => {
  const doubles = npy('<f8', '(2, 2)', new Uint8Array(new Float64Array([1, -2, 0.1, 4]).buffer));
  const halves = npy('<f2', '(3,)', new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x3555]).buffer));
  writeFileSync(at('d.npy'), doubles);
  writeFileSync(at('h.npy'), halves);
  const double = await fewbits('compress', 'd.npy', '-o', 'd.fb', '-c', 'top-k:k=4');
  assert.match(double.stderr, /d\.npy holds float64, of which float32 rounded 1 value/);
  const half = await fewbits('compress', 'h.npy', '-o', 'h.fb', '-c', 'top-k:k=3');
  assert.is(half.stderr, '');
  await fewbits('decompress', 'd.fb', '-o', 'd2.npy');
  await fewbits('decompress', 'h.fb', '-o', 'h2.npy');
  const back = await readNpy(readFileSync(at('d2.npy')));
  assert.equal([...back.data], [1, -2, Math.fround(0.1), 4]);
  assert.equal([back.shape, back.dtype], [[2, 2], '<f8']);
  assert.equal(readFileSync(at('h2.npy')).subarray(-6), Buffer.from(halves).subarray(-6));
  // what a compressor makes of halves may need rounding, which is said
  await fewbits('compress', 'h.npy', '-o', 's.fb', '-c', 'scaled-sign');
  const signs = await fewbits('decompress', 's.fb', '-o', 's.npy');
  assert.match(signs.stderr, /rounded to the type that they had: 3 values/);
});

test('an array keeps its shape on the way back; without its map it is a list', async () => {
  writeFileSync(at('f.npy'), npy('>f4', '(2, 3)', new Uint8Array(24).fill(64), 'True'));
  await fewbits('compress', 'f.npy', '-o', 'f.fb', '-c', 'float32');
  await fewbits('decompress', 'f.fb', '-o', 'f2.npy');
  const { shape, dtype, fortranOrder } = await readNpy(readFileSync(at('f2.npy')));
  assert.equal([shape, dtype, fortranOrder], [[2, 3], '>f4', true]);
  save('other.npy', new Float32Array(7));
  await fewbits('compress', 'other.npy', '-o', 'other.fb', '-c', 'float32');
  const wrong = await fewbits('decompress', 'other.fb', '-o', 'w.npy', '--map', 'f.fb.json');
  assert.is(wrong.status, 1);
  assert.match(wrong.stderr, /f\.fb\.json is the map of 6 elements, other\.fb stands for 7/);
  assert.not.ok(existsSync(at('w.npy')));
  rmSync(at('f.fb.json'));
  await fewbits('decompress', 'f.fb', '-o', 'f3.npy');
  assert.equal((await readNpy(readFileSync(at('f3.npy')))).shape, [6]);
});

/** A model as PyTorch writes one, with the counters of batch normalisation. */
function model(): Buffer {
  const a = input('normal', 12);
  const b = new Float64Array([0.1, -2]);
  const c = new Uint16Array([0x3fc0, 0xc000]); // bfloat16 1.5, -2
  const counter = new BigInt64Array([12_345n]);
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    'layer.weight': { dtype: 'F32', shape: [3, 4], data_offsets: [0, 48] },
    half: { dtype: 'BF16', shape: [2], data_offsets: [72, 76] },
    'bn.num_batches_tracked': { dtype: 'I64', shape: [], data_offsets: [64, 72] },
    'layer.bias': { dtype: 'F64', shape: [2], data_offsets: [48, 64] },
  }).replace(
    '{"__metadata__"',
    '{"__proto__":{"dtype":"BOOL","shape":[3],"data_offsets":[76,79]},"__metadata__"',
  );
  const parts = [a, b, counter, c, Uint8Array.of(1, 0, 1)];
  return Buffer.concat([
    Buffer.from(new BigUint64Array([BigInt(header.length)]).buffer),
    Buffer.from(header),
    ...parts.map((part) => Buffer.from(part.buffer)),
  ]);
}

test('a model of .safetensors, as one vector and back: other tensors and metadata as they were', async () => {
  const file = model();
  writeFileSync(at('m.safetensors'), file);
  const compress = await fewbits('compress', 'm.safetensors', '-o', 'm.fb', '-c', 'float32', '--json');
  assert.is(compress.status, 0, compress.stderr);
  assert.match(compress.stderr, /holds F64, of which float32 rounded 1 value/);
  assert.match(compress.stderr, /2 of 5 tensors are carried as they are: I64, BOOL, 11 bytes/);
  const { tensors: count, carried, n } = JSON.parse(compress.stdout) as Record<string, number>;
  assert.equal([count, carried, n], [3, 2, 16]);
  const decompress = await fewbits('decompress', 'm.fb', '-o', 'back.safetensors');
  assert.is(decompress.status, 0, decompress.stderr);
  const { data, tensors, metadata } = await readSafetensors(readFileSync(at('back.safetensors')));
  assert.equal([...data], [...input('normal', 12), Math.fround(0.1), -2, 1.5, -2]);
  assert.equal(metadata, new Map([['format', 'pt']]));
  assert.equal(
    tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
    [
      ['layer.weight', 'F32', [3, 4]],
      ['layer.bias', 'F64', [2]],
      ['bn.num_batches_tracked', 'I64', []],
      ['half', 'BF16', [2]],
      ['__proto__', 'BOOL', [3]],
    ],
  );
  // all but the value that was rounded
  const back = readFileSync(at('back.safetensors')).subarray(-79);
  assert.equal(back.subarray(0, 48), file.subarray(-79, -31));
  assert.equal(back.subarray(56), file.subarray(-23));

  writeFileSync(at('cut.safetensors'), file.subarray(0, -1));
  writeFileSync(at('none.safetensors'), new Uint8Array(20));
  const infinite = Buffer.from(file);
  infinite.writeFloatLE(Infinity, file.length - 79 + 20);
  writeFileSync(at('inf.safetensors'), infinite);
  for (const [name, why] of [
    ['cut', /"__proto__" passes the end of the file/],
    ['none', /header is not sound JSON/],
    ['inf', /first at index 5, element 5 of the tensor "layer\.weight"/],
  ] as const) {
    const { status, stderr } = await fewbits('compress', `${name}.safetensors`, '-o', 'out', '-c', 'float32');
    assert.is(status, 1);
    assert.match(stderr, why);
    assert.is(stderr.trim().split('\n').length, name === 'inf' ? 3 : 1, stderr);
  }
  rmSync(at('m.fb.json'));
  const lost = await fewbits('decompress', 'm.fb', '-o', 'lost.safetensors');
  assert.match(lost.stderr, /cannot read m\.fb\.json: no such file.*needs the map.*--map/);
});

test('a file of more than 2 GiB is read', async () => {
  // a sparse one: 2^31 bytes of counters, which are named and counted, and one number
  const header = JSON.stringify({
    x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    y: { dtype: 'F32', shape: [2 ** 29], data_offsets: [4, 2 ** 31 + 4] },
  });
  writeFileSync(
    at('huge.safetensors'),
    Buffer.concat([Buffer.from(new BigUint64Array([BigInt(header.length)]).buffer), Buffer.from(header)]),
  );
  truncateSync(at('huge.safetensors'), 8 + header.length + 4 + 2 ** 31);
  const { stderr } = await fewbits('compress', 'huge.safetensors', '-o', 'huge.fb', '-c', 'float32');
  assert.match(stderr, /huge\.safetensors has 536870913 elements; --max-elements allows 268435456/);
  await withSource(at('huge.safetensors'), async (source) => {
    assert.is(source.size, 8 + header.length + 4 + 2 ** 31);
    assert.equal([...(await source.read(source.size - 2, source.size + 5))], [0, 0]);
  });
  rmSync(at('huge.safetensors'));
});

test('--max-elements is what errors speak of, and compress writes nothing that decompress refuses', async () => {
  save('g.npy', input('normal', 100));
  const compress = await fewbits(
    'compress',
    'g.npy',
    '-o',
    'most.fb',
    '-c',
    'float32',
    '--max-elements',
    '99',
  );
  assert.match(compress.stderr, /g\.npy has 100 elements; --max-elements allows 99/);
  assert.not.ok(existsSync(at('most.fb')));
  await fewbits('compress', 'g.npy', '-o', 'most.fb', '-c', 'float32', '--max-elements', '100');
  const decompress = await fewbits('decompress', 'most.fb', '-o', 'most.npy', '--max-elements', '99');
  assert.match(decompress.stderr, /most\.fb stands for 100 elements; --max-elements allows 99/);
  assert.is((await fewbits('decompress', 'most.fb', '-o', 'most.npy')).status, 0);
});

test.run();
