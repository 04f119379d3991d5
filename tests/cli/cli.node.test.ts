import { execSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { withSource } from '../../ts/cli/files.ts';
import { readNpy, writeNpy } from '../../ts/files/npy.ts';
import { readSafetensors } from '../../ts/files/safetensors.ts';
import { main, type Outcome, runCommand } from '../support/command.ts';
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
  const { data } = await readNpy(readFileSync(`${folder}/back.npy`));
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
  writeFileSync(`${folder}/d.npy`, doubles);
  writeFileSync(`${folder}/h.npy`, halves);
  const double = await fewbits('compress', 'd.npy', '-o', 'd.fb', '-c', 'top-k:k=4');
  assert.match(double.stderr, /d\.npy holds float64, of which float32 rounded 1 value/);
  const half = await fewbits('compress', 'h.npy', '-o', 'h.fb', '-c', 'top-k:k=3');
  assert.is(half.stderr, '');
  await fewbits('decompress', 'd.fb', '-o', 'd2.npy');
  await fewbits('decompress', 'h.fb', '-o', 'h2.npy');
  const back = await readNpy(readFileSync(`${folder}/d2.npy`));
  assert.equal([...back.data], [1, -2, Math.fround(0.1), 4]);
  assert.equal([back.shape, back.dtype], [[2, 2], '<f8']);
  assert.equal(readFileSync(`${folder}/h2.npy`).subarray(-6), Buffer.from(halves).subarray(-6));
  // what a compressor makes of halves may need rounding, which is said
  await fewbits('compress', 'h.npy', '-o', 's.fb', '-c', 'scaled-sign');
  const signs = await fewbits('decompress', 's.fb', '-o', 's.npy');
  assert.match(signs.stderr, /rounded to the type that they had: 3 values/);
});

test('an array keeps its shape on the way back; without its map it is a list', async () => {
  writeFileSync(`${folder}/f.npy`, npy('>f4', '(2, 3)', new Uint8Array(24).fill(64), 'True'));
  await fewbits('compress', 'f.npy', '-o', 'f.fb', '-c', 'float32');
  await fewbits('decompress', 'f.fb', '-o', 'f2.npy');
  const { shape, dtype, fortranOrder } = await readNpy(readFileSync(`${folder}/f2.npy`));
  assert.equal([shape, dtype, fortranOrder], [[2, 3], '>f4', true]);
  save('other.npy', new Float32Array(7));
  await fewbits('compress', 'other.npy', '-o', 'other.fb', '-c', 'float32');
  const wrong = await fewbits('decompress', 'other.fb', '-o', 'w.npy', '--map', 'f.fb.json');
  assert.is(wrong.status, 1);
  assert.match(wrong.stderr, /f\.fb\.json is the map of 6 elements, other\.fb stands for 7/);
  assert.not.ok(existsSync(`${folder}/w.npy`));
  rmSync(`${folder}/f.fb.json`);
  await fewbits('decompress', 'f.fb', '-o', 'f3.npy');
  assert.equal((await readNpy(readFileSync(`${folder}/f3.npy`))).shape, [6]);
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
  writeFileSync(`${folder}/m.safetensors`, file);
  const compress = await fewbits('compress', 'm.safetensors', '-o', 'm.fb', '-c', 'float32', '--json');
  assert.is(compress.status, 0, compress.stderr);
  assert.match(compress.stderr, /holds F64, of which float32 rounded 1 value/);
  assert.match(compress.stderr, /2 of 5 tensors are carried as they are: I64, BOOL, 11 bytes/);
  const { tensors: count, carried, n } = JSON.parse(compress.stdout) as Record<string, number>;
  assert.equal([count, carried, n], [3, 2, 16]);
  const decompress = await fewbits('decompress', 'm.fb', '-o', 'back.safetensors');
  assert.is(decompress.status, 0, decompress.stderr);
  const { data, tensors, metadata } = await readSafetensors(readFileSync(`${folder}/back.safetensors`));
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
  const back = readFileSync(`${folder}/back.safetensors`).subarray(-79);
  assert.equal(back.subarray(0, 48), file.subarray(-79, -31));
  assert.equal(back.subarray(56), file.subarray(-23));

  writeFileSync(`${folder}/cut.safetensors`, file.subarray(0, -1));
  writeFileSync(`${folder}/none.safetensors`, new Uint8Array(20));
  const infinite = Buffer.from(file);
  infinite.writeFloatLE(Infinity, file.length - 79 + 20);
  writeFileSync(`${folder}/inf.safetensors`, infinite);
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
  rmSync(`${folder}/m.fb.json`);
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
    `${folder}/huge.safetensors`,
    Buffer.concat([Buffer.from(new BigUint64Array([BigInt(header.length)]).buffer), Buffer.from(header)]),
  );
  truncateSync(`${folder}/huge.safetensors`, 8 + header.length + 4 + 2 ** 31);
  const { stderr } = await fewbits('compress', 'huge.safetensors', '-o', 'huge.fb', '-c', 'float32');
  assert.match(stderr, /huge\.safetensors has 536870913 elements; --max-elements allows 268435456/);
  await withSource(`${folder}/huge.safetensors`, async (source) => {
    assert.is(source.size, 8 + header.length + 4 + 2 ** 31);
    assert.equal([...(await source.read(source.size - 2, source.size + 5))], [0, 0]);
  });
  rmSync(`${folder}/huge.safetensors`);
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
  assert.not.ok(existsSync(`${folder}/most.fb`));
  await fewbits('compress', 'g.npy', '-o', 'most.fb', '-c', 'float32', '--max-elements', '100');
  const decompress = await fewbits('decompress', 'most.fb', '-o', 'most.npy', '--max-elements', '99');
  assert.match(decompress.stderr, /most\.fb stands for 100 elements; --max-elements allows 99/);
  assert.is((await fewbits('decompress', 'most.fb', '-o', 'most.npy')).status, 0);
});

test('what is at the output is written to: links stay, pipes and devices get the bytes', async () => {
  save('g.npy', input('normal', 100));
  const compress = (...more: string[]): Promise<Outcome> =>
    fewbits('compress', 'g.npy', '-c', 'scaled-sign', ...more);
  await compress('-o', 'plain.fb');
  const packet = readFileSync(`${folder}/plain.fb`);

  writeFileSync(`${folder}/target`, 'old');
  chmodSync(`${folder}/target`, 0o640);
  symlinkSync('target', `${folder}/link.fb`);
  await compress('-o', 'link.fb');
  assert.ok(lstatSync(`${folder}/link.fb`).isSymbolicLink());
  assert.equal(readFileSync(`${folder}/target`), packet);
  assert.is(statSync(`${folder}/target`).mode & 0o777, 0o640);
  symlinkSync('not-yet', `${folder}/dangling.fb`);
  await compress('-o', 'dangling.fb');
  assert.equal(readFileSync(`${folder}/not-yet`), packet);

  if (process.platform === 'win32') return;
  const device = await compress('-o', '/dev/null');
  assert.is(device.status, 0, device.stderr);
  assert.ok(statSync('/dev/null').isCharacterDevice());
  assert.not.ok(existsSync('/dev/null.json'));
  const shell = (line: string): Buffer => execSync(line, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const command = `'${process.execPath}' '${main}'`;
  shell(`mkfifo pipe; cat pipe > piped & ${command} compress g.npy -c scaled-sign -o pipe; wait`);
  assert.ok(lstatSync(`${folder}/pipe`).isFIFO());
  assert.equal(readFileSync(`${folder}/piped`), packet);
  // standard output holds the packet alone
  assert.equal(shell(`${command} compress g.npy -c scaled-sign -o /dev/stdout`), packet);
  assert.equal(shell(`${command} compress g.npy -c scaled-sign -o /dev/stdout | cat`), packet);
  // and a pipe is read
  shell(`cat g.npy | ${command} compress /dev/stdin -c scaled-sign -o read.fb`);
  assert.equal(readFileSync(`${folder}/read.fb`), packet);
});

test('nothing is written over its own input, by whatever name, but with --force', async () => {
  save('own.npy', input('normal', 100));
  symlinkSync('own.npy', `${folder}/own-link`);
  linkSync(`${folder}/own.npy`, `${folder}/own-hard`);
  const before = readFileSync(`${folder}/own.npy`);
  for (const output of ['own.npy', './own.npy', 'own-link', 'own-hard'])
    for (const args of [
      ['-o', output],
      ['-o', 'else.fb', '--map', output],
    ]) {
      const { status, stderr } = await fewbits('compress', 'own.npy', '-c', 'float32', ...args);
      assert.is(status, 2, output);
      assert.match(stderr, /is the input own\.npy; --force writes over it/);
    }
  const both = await fewbits('compress', 'own.npy', '-c', 'float32', '-o', 'x.fb', '--map', 'x.fb');
  assert.match(both.stderr, /x\.fb would be written twice/);
  assert.equal(readFileSync(`${folder}/own.npy`), before);
  await fewbits('compress', 'own.npy', '-c', 'float32', '-o', 'own.fb');
  const packet = await fewbits('decompress', 'own.fb', '-o', 'own.fb');
  assert.match(packet.stderr, /own\.fb is the input/);
  assert.is((await fewbits('decompress', 'own.fb', '-o', 'own.fb', '--force')).status, 0);
  assert.equal(readFileSync(`${folder}/own.fb`), before);
});

test('text of files and of the line stands in errors short, and without control characters', async () => {
  const evil = `\x1b[2J\u202e${'x'.repeat(100_000)}`;
  const header = JSON.stringify({ [evil]: { dtype: evil, shape: [1], data_offsets: [0, 4] } });
  writeFileSync(
    `${folder}/evil.safetensors`,
    Buffer.concat([
      Buffer.from(new BigUint64Array([BigInt(Buffer.from(header).length)]).buffer),
      Buffer.from(header),
      new Uint8Array(4),
    ]),
  );
  writeFileSync(`${folder}/evil.npy`, npy('\x1b[2J\r\n\x07', '(1,)', new Uint8Array(4)));
  save('g.npy', input('normal', 10));
  await fewbits('compress', 'g.npy', '-c', 'float32', '-o', 'g.fb');
  writeFileSync(
    `${folder}/evil.json`,
    JSON.stringify({ tensors: [{ name: evil, shape: [1], dtype: evil }] }),
  );
  const long = 'y'.repeat(10_000);
  const lines: string[][] = [
    ['compress', 'evil.safetensors', '-c', 'float32', '-o', 'out'],
    ['compress', 'evil.npy', '-c', 'float32', '-o', 'out'],
    ['decompress', 'g.fb', '-o', 'out.safetensors', '--map', 'evil.json'],
    ['compress', 'g.npy', '-c', `\x1b[2J${long}`, '-o', 'out'],
    ['compress', 'g.npy', '-c', `top-k:${long}`, '-o', 'out'],
    ['compress', 'g.npy', '-c', `top-k:k=${long}`, '-o', 'out'],
    ['compress', 'g.npy', '-c', 'top-k:k=1', '-o', 'out', '--step', `\n${long}`],
    ['compress', 'g.npy', '-c', 'top-k:k=1', '-o', 'out', '--max-elements', `\n${long}`],
    ['compress', 'no\nsuch\x1bfile.npy', '-c', 'top-k:k=1', '-o', 'out'],
    [`\x1b[2J${long}`],
    ['inspect', 'g.fb', `\x1b[2J${long}`],
    ['inspect', `--\x1b[2J${long}`],
  ];
  for (const args of lines) {
    const { status, stderr } = await fewbits(...args);
    assert.ok(status > 0, args[0]);
    assert.is(stderr.trim().split('\n').length, 1, stderr.slice(0, 500));
    assert.not.match(stderr.trimEnd(), /[\p{Cc}\p{Cf}]/u);
    assert.ok(stderr.length < 500, stderr.slice(0, 600));
  }
});

test('what is wrong is one line on standard error, status not 0, no file left behind', async () => {
  const x = input('normal', 100);
  save('g.npy', x);
  save('nan.npy', Float32Array.of(1, NaN, 2));
  writeFileSync(`${folder}/cut.npy`, writeNpy(x).subarray(0, 300));
  writeFileSync(`${folder}/int.npy`, npy('<i4', '(1,)', new Uint8Array(4)));
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
      /--backend expected one of auto, webgpu, wasm, js, got "cuda"/,
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

test('--help names every command, and each has its own', async () => {
  const { status, stdout } = await fewbits('--help');
  assert.is(status, 0);
  const commands = ['doctor', 'bench', 'compress', 'decompress', 'inspect', 'serve', 'join', 'plan'];
  for (const name of commands) assert.match(stdout, `fewbits ${name}`);
  const helps = await Promise.all(commands.map((name) => fewbits(name, '--help')));
  for (const [i, { stdout, status }] of helps.entries()) {
    assert.is(status, 0);
    assert.match(stdout, new RegExp(`^fewbits ${commands[i]}\n`));
    assert.match(stdout, '--json');
    assert.ok(
      stdout.split('\n').every((line) => line.length <= 140),
      commands[i],
    );
  }
  assert.match(helps[2].stdout, /--compressor SPEC[^]*top-k:ratio=0\.01[^]*scaled-sign/);
  assert.not.match(helps[2].stdout, /--workers|--broker/);
  assert.match(helps[6].stdout, /--broker URL/);
  assert.not.match(helps[6].stdout, /--quorum|--params/);
});

test('a wrong option, command or compressor says which was meant; options of other commands are refused', async () => {
  const cases: [string[], RegExp][] = [
    [
      ['compress', 'g.npy', '--compresor', 'float32'],
      /compress has no option --compresor; did you mean --compressor\?/,
    ],
    [['compress', 'g.npy', '--ouptut', 'x'], /did you mean --output\?/],
    [['compress', 'g.npy', '--workers', '4'], /compress has no option --workers; serve and plan have it/],
    [['inspect', 'g.fb', '-o', 'x'], /inspect has no option -o/],
    [['doctor', '--backend', 'js'], /doctor has no option --backend; compress, decompress,|bench/],
    [['join', '--quorum', '3'], /join has no option --quorum; serve has it/],
    [['plan', '--broker', 'mqtt://x'], /plan has no option --broker; serve and join have it/],
    [['compress', '-o', 'a', '-o', 'b'], /compress expected one --output, got it twice/],
    [['compress', '-o'], /--output.*argument missing.*fewbits compress --help/],
    [['compress', '--json=yes'], /--json.*does not take an argument/],
    [['compres'], /unknown command "compres"; did you mean compress\?/],
    [['--json', 'doctor'], /expected a command before "--json"/],
    [['compress', 'g.npy', '-o', 'x', '-c', 'topk:k=1'], /unknown compressor "topk"; did you mean top-k\?/],
    [['compress', 'g.npy', '-o', 'x', '-c', 'top-k:__proto__=1'], /no option "__proto__"/],
    [['compress', 'g.npy', '-o', 'x', '-c', 'top-k:k=1,k=2'], /"k" expected one value, got two/],
    [['compress', 'g.npy', '-o', 'x', '-c', 'float32', '--step', ''], /--step expected an integer/],
    [['doctor', 'g.npy'], /doctor expected options alone, got "g\.npy"/],
    [['inspect', 'a', 'b'], /inspect expected one input file, got also "b"/],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => fewbits(...args)));
  for (const [i, { status, stderr }] of outcomes.entries()) {
    assert.ok(status > 0, cases[i][0].join(' '));
    assert.match(stderr, cases[i][1]);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('a line that makes no sense has status 2, and says what is expected', async () => {
  save('g.npy', input('normal', 100));
  writeFileSync(
    `${folder}/picky.mjs`,
    'export async function openTask() { throw new RangeError(\'"algorithm" expected one of A, B, got foo\'); }',
  );
  const compress = ['compress', 'g.npy', '-o', 'x', '-c'];
  const cases: [string[], RegExp][] = [
    [[...compress, 'float32', '--max-elements', '1e400'], /--max-elements expected an integer in 1\.\./],
    [[...compress, 'float32', '--max-elements', '-5'], /--max-elements expected an integer.*got "-5"/],
    [
      [...compress, 'float32', '--map', '-x'],
      /--map expected a value; one that begins with - is written --map=-/,
    ],
    [['bench', '--n', '0'], /--n expected an integer in 1\.\./],
    [[...compress, 'float32', '-b', 'cuda'], /--backend expected one of auto, webgpu, wasm, js, got "cuda"/],
    [[...compress, 'top-k:ration=0.1'], /"ration"/],
    [[...compress, 'top-k:'], /"top-k:" expected NAME=VALUE after its colon, as in top-k:ratio=0\.01/],
    [[...compress, 'top-k'], /top-k expected either "k" or "ratio", as in top-k:ratio=0\.01/],
    [[...compress, 'zip'], /unknown compressor "zip"/],
    [['compress', 'g.npy', '-o', '', '-c', 'float32'], /--output expected the name of a file, got ""/],
    [['compress', '', '-o', 'x', '-c', 'float32'], /compress expected the name of a file, got ""/],
    [['serve', '--task', './picky.mjs', '--algorithm', 'foo'], /--algorithm expected one of A, B, got foo/],
    [['serve', '--name', 'x'], /serve has no option --name; join has it/],
    [
      ['plan', '--params', '1e6', '--workers', '4', '--link', '1Mbps', '--bits-up', '-1'],
      /--bits-up expected a number above 0, got "-1"/,
    ],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => fewbits(...args)));
  for (const [i, { status, stderr }] of outcomes.entries()) {
    assert.match(stderr, cases[i][1]);
    assert.is(status, 2, stderr);
    assert.is(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('fewbits help COMMAND is its --help, and --version the version of the package', async () => {
  const [help, same, version] = await Promise.all([
    fewbits('help', 'compress'),
    fewbits('compress', '--help'),
    fewbits('--version'),
  ]);
  assert.equal(help, same);
  const { version: own } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as {
    version: string;
  };
  assert.equal(version, { status: 0, stdout: `${own}\n`, stderr: '' });
});

test.run();
