/** python/fewbits.py beside the JavaScript: the golden packets, damaged packets, arguments, the command. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openJs } from '../ts/backends/js/index.ts';
import { readNpy } from '../ts/files/npy.ts';
import type { Compressor } from '../ts/compressors/compressor.ts';
import { writeIndexList } from '../ts/compressors/index-list.ts';
import { Device } from '../ts/device.ts';
import { PacketError } from '../ts/errors.ts';
import { flattenedOneBit, float32, quantized, scaledSign, topK } from '../ts/index.ts';
import { inspect, type Inspection } from '../ts/inspect.ts';
import { freePort } from './support/ports.ts';
import { FOLDER, goldens } from './support/golden.ts';
import { rejects } from './support/host.ts';
import { input, words } from './support/inputs.ts';
import { findPython, NO_PYTHON } from '../examples/shared/python.ts';
import { skip } from './support/require.ts';
import { assertWords } from './support/same-words.ts';
import { suite } from './support/suite.ts';

/** What tests/vectors/check.py prints. */
interface Seen {
  readonly decoded: Readonly<Record<string, boolean>>;
  readonly encoded: Readonly<Record<string, boolean>>;
  readonly inspected: Readonly<Record<string, Inspection>>;
  readonly damaged: { readonly accepted: number; readonly refused: number; readonly messages: number };
  /** What was raised that is no PacketError. */
  readonly other: readonly string[];
  /** The most bytes that a damaged packet took. */
  readonly mostMemory: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const test = suite('python');
const device = new Device({ backend: 'js' }, { backend: openJs(), reasons: {} });

let folder = '';
let missing = '';
let seen: Seen;

let interpreter = '';

const python = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(interpreter, ['-B', ...args], { cwd: folder, maxBuffer: 2 ** 26 });

/** Runs lines of Python after `import fewbits, numpy as np`, and gives what they print. */
async function script(...lines: string[]): Promise<string> {
  const path = JSON.stringify(`${root}python`);
  const start = [`import sys; sys.path.insert(0, ${path})`, 'import fewbits, numpy as np'];
  return (await python('-c', [...start, ...lines].join('\n'))).stdout.trim();
}

test.before(async () => {
  folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  interpreter = (await findPython()) ?? '';
  missing = interpreter === '' ? NO_PYTHON : '';
  if (missing) return;
  for (const { name, n, input: made } of goldens)
    writeFileSync(`${folder}/${name}.f32`, new Uint8Array(input(made.kind, n, made.seed).buffer));
  const { stdout } = await python(`${FOLDER}/check.py`, folder, `${folder}/damaged`);
  seen = JSON.parse(stdout) as Seen;
});

test.after(() => rmSync(folder, { recursive: true }));

/** The names of the packets for which something does not hold. */
const wrong = (results: Readonly<Record<string, boolean>>): string[] =>
  Object.keys(results).filter((name) => !results[name]);

test('decodes every golden packet to the same bits', () => {
  if (missing) return skip(missing);
  assert.is(Object.keys(seen.decoded).length, goldens.length);
  assert.equal(wrong(seen.decoded), []);
});

/** What Python has encoders of. */
const ENCODERS = ['topK', 'scaledSign', 'float32', 'quantized', 'flattenedOneBit', 'indexList'];

test(`makes the golden packets of ${ENCODERS.join(', ')}, byte for byte`, () => {
  if (missing) return skip(missing);
  const own = goldens.filter(({ compressor }) => ENCODERS.includes(compressor));
  assert.is(Object.keys(seen.encoded).length, own.length);
  assert.equal(wrong(seen.encoded), []);
});

test('inspects as JavaScript does', () => {
  if (missing) return skip(missing);
  for (const { name, packet } of goldens) assert.equal(seen.inspected[name], inspect(packet), name);
});

/** Runs of non-zeros with gaps between them, so that a block's mean gap is far from most of its gaps. */
function clustered(n: number): Float32Array {
  const next = words(3);
  const x = new Float32Array(n);
  for (let i = 0; i < n; i += next() % 20 === 0 ? 1 + (next() % 2000) : 1) x[i] = 1 + (next() % 5);
  return x;
}

/** A compressor, and the call that is the same in Python. */
type Pair = [compressor: Compressor, call: string];

const PLAIN: Pair[] = [
  [topK({ k: 1 }), 'top_k(x, k=1)'],
  [topK({ ratio: 0.017 }), 'top_k(x, ratio=0.017)'],
  [topK({ ratio: 0.001 }), 'top_k(x, ratio=0.001)'],
  [topK({ ratio: 0.07 }), 'top_k(x, ratio=0.07)'],
  [topK({ ratio: 0.5 }), 'top_k(x, ratio=0.5)'],
  [topK({ ratio: 0.6, values: 'bfloat16' }), "top_k(x, ratio=0.6, values='bfloat16')"],
  [topK({ ratio: 0.9, values: 'float16' }), "top_k(x, ratio=0.9, values='float16')"],
  [scaledSign(), 'scaled_sign(x)'],
  [scaledSign({ block: 33 }), 'scaled_sign(x, block=33)'],
  [scaledSign({ block: 3000 }), 'scaled_sign(x, block=3000)'],
  [float32(), 'float32(x)'],
  ...[1, 3, 8, 16].map((bits): Pair => [quantized({ bits }), `quantized(x, ${bits})`]),
];

/** What flattenedOneBit draws from beside its seed. */
const DRAW = { step: 5, stream: 2 ** 32 - 1 };

/** Every scale and lambda, in blocks of each length. */
const FLATTENED: Pair[] = [64, 4096, 'whole' as const].flatMap((block) =>
  [
    {},
    { lambda: 'norm', c: 0.01 } as const,
    { lambda: 'max' } as const,
    { lambda: 0.75 },
    { lambda: 2 ** -60 },
    { scale: 'mean' } as const,
    { scale: 'drive' } as const,
  ].map((options): Pair => {
    const given = Object.entries({ block, ...options, ...DRAW });
    const said = given.map(
      ([key, value]) => `${key === 'lambda' ? 'lambda_' : key}=${JSON.stringify(value)}`,
    );
    return [flattenedOneBit({ seed: 9, block, ...options }), `flattened_one_bit(x, 9, ${said.join(', ')})`];
  }),
);

/** Blocks that need scaling up, down and not at all, in one vector. */
function mixed(n: number): Float32Array {
  const x = new Float32Array(3 * n);
  for (const [i, kind] of (['huge', 'finite', 'subnormal'] as const).entries()) x.set(input(kind, n), i * n);
  return x;
}

const LENGTH = 70_001;
const ALL = [...PLAIN, ...FLATTENED];
const CASES: [label: string, x: () => Float32Array, pairs: Pair[]][] = [
  ['clustered', () => clustered(LENGTH), PLAIN],
  ['sparse', () => input('sparse', LENGTH, 5), PLAIN],
  ['zeros of both signs', () => input('negativeZero', LENGTH), ALL],
  ['normal', () => input('normal', LENGTH, 5), ALL],
  ['huge', () => input('huge', LENGTH, 5), ALL],
  ['subnormal', () => input('subnormal', LENGTH, 5), ALL],
  ['huge, then finite, then subnormal', () => mixed(30_000), ALL],
];

for (const [label, make, pairs] of CASES)
  test(`makes the same packets at sizes that golden files are too small for: ${label}`, async () => {
    if (missing) return skip(missing);
    const x = make();
    writeFileSync(`${folder}/x`, new Uint8Array(x.buffer));
    await script(
      "x = np.fromfile('x', '<f4')",
      ...pairs.map(([, call], i) => `open('p${i}', 'wb').write(fewbits.compress_${call})`),
      ...pairs.map((_, i) => `fewbits.decompress(open('p${i}', 'rb').read()).tofile('y${i}')`),
    );
    for (const [i, [compressor, call]] of pairs.entries()) {
      const packet = await device.compress(compressor, x, DRAW);
      assert.ok(readFileSync(`${folder}/p${i}`).equals(packet), `${call} of ${label}: packets differ`);
      const vector = new Float32Array(new Uint8Array(readFileSync(`${folder}/y${i}`)).buffer);
      assertWords(vector, await device.decompress(packet), `${call} of ${label}: decoded`);
    }
  });

test('index lists go both ways between the two, sparse, dense and clustered, with their tags', async () => {
  if (missing) return skip(missing);
  const lists: [n: number, places: (i: number) => boolean][] = [
    [0, () => false],
    [100, () => false],
    [100, () => true],
    [LENGTH, (i) => i % 97 === 3],
    [LENGTH, (i) => i % 3 === 0],
    [LENGTH, (i) => i % 5000 < 40],
    [2 ** 24 + 1, (i) => i % 2 ** 22 === 0],
  ];
  const made = lists.map(([n, holds], i) => {
    const indices = Uint32Array.from({ length: n }, (_, j) => j).filter(holds);
    const packet = writeIndexList(indices, n, 2 ** 32 - 1 - i);
    writeFileSync(`${folder}/list${i}`, packet);
    return { n, indices, packet };
  });
  const said = await script(
    `for i in range(${lists.length}):`,
    "    indices, n, tag = fewbits.read_index_list(open(f'list{i}', 'rb').read())",
    "    indices.astype('<u4').tofile(f'indices{i}')",
    "    open(f'again{i}', 'wb').write(fewbits.write_index_list(indices, n, tag))",
    '    print(indices.dtype, n, tag)',
  );
  for (const [i, { n, indices, packet }] of made.entries()) {
    assert.is(said.split('\n')[i], `int64 ${n} ${2 ** 32 - 1 - i}`);
    assert.equal(new Uint32Array(new Uint8Array(readFileSync(`${folder}/indices${i}`)).buffer), indices);
    assert.ok(readFileSync(`${folder}/again${i}`).equals(packet), `list ${i}: packets differ`);
  }
});

test('damaged packets raise PacketError or decode, and take little memory', () => {
  if (missing) return skip(missing);
  const { accepted, refused, messages } = seen.damaged;
  assert.equal(seen.other, []);
  assert.is(accepted + refused, 4000);
  assert.ok(refused > 2000 && accepted > 100 && messages > 100, JSON.stringify(seen.damaged));
  assert.ok(seen.mostMemory < 2 ** 21, `a packet of a few KiB took ${seen.mostMemory} bytes`);
});

/** Whether the two may word a refusal differently, or meet another of several faults first. */
function saysItsOwn(compressor: number, message: string): boolean {
  if (/format version|maxElements|levels from|index list|bitmap/.test(message)) return true;
  return message.startsWith('the bits beyond') && [1, 3, 6, 12].includes(compressor); // those with index lists
}

test('of damaged packets, JavaScript refuses the same, and what decodes is the same vector', async () => {
  if (missing) return skip(missing);
  const file = readFileSync(`${folder}/damaged`);
  let same = 0;
  for (let at = 0; at < file.length;) {
    const take = (length: number): Buffer => file.subarray(at, (at += length));
    const [bytes, text, vector] = [take(4), take(4), take(4)].map((word) => word.readUInt32LE());
    const packet = new Uint8Array(take(bytes));
    const message = take(text).toString();
    const python = new Uint8Array(take(vector));
    const javascript = await device.decompress(packet, { maxElements: 10_000 }).catch((error: unknown) => {
      if (!(error instanceof PacketError)) throw error;
      return error;
    });
    if (javascript instanceof PacketError) {
      assert.ok(message, `JavaScript refuses a packet that Python decodes: ${javascript.message}`);
      if (saysItsOwn(packet[5], javascript.message)) continue;
      assert.is(message, javascript.message, 'why Python refuses a packet');
      same++;
    } else if (message) assert.unreachable(`Python refuses a packet that JavaScript decodes: ${message}`);
    else assertWords(new Uint32Array(python.buffer), new Uint32Array(javascript.buffer), 'a damaged packet');
  }
  assert.ok(same > 2000, `only ${same} messages were compared`);
});

test('NaN and infinity are refused, counted and found', async () => {
  if (missing) return skip(missing);
  const said = await script(
    "for bad in ('nan', 'inf', '-inf'):",
    '    x = np.zeros(100, np.float32)',
    '    x[7] = x[50] = float(bad)',
    '    for compress, options in (("top_k", {"k": 3}), ("scaled_sign", {}), ("float32", {}),',
    '                              ("quantized", {"bits": 2}), ("flattened_one_bit", {"seed": 1})):',
    '        try: getattr(fewbits, "compress_" + compress)(x, **options)',
    '        except ValueError as error: print(error)',
  );
  const line = 'the input has 2 NaN or infinite elements, the first at index 7';
  assert.equal(said.split('\n'), Array<string>(15).fill(line));
});

test('arguments out of range raise ValueError or TypeError that name them', async () => {
  if (missing) return skip(missing);
  const calls: [call: string, said: string][] = [
    ['fewbits.compress_top_k(x)', 'ValueError compress_top_k expected either "k" or "ratio"'],
    ['fewbits.compress_top_k(x, k=1, ratio=1)', 'ValueError compress_top_k expected either "k" or "ratio"'],
    ['fewbits.compress_top_k(x, k=0)', 'ValueError "k" expected an integer in 1..4294967295, got 0'],
    ['fewbits.compress_top_k(x, k=4)', 'ValueError "k" expected an integer in 1..3, got 4'],
    ['fewbits.compress_top_k(x, k=1.5)', 'TypeError "k" expected an integer'],
    ['fewbits.compress_top_k(x, ratio=0)', 'ValueError "ratio" expected a number above 0 and up to 1'],
    ['fewbits.compress_top_k(x, ratio=float("nan"))', 'ValueError "ratio" expected'],
    ['fewbits.compress_top_k(x, ratio="1")', 'TypeError "ratio" expected a number above 0 and up to 1'],
    [
      'fewbits.compress_top_k(x, k=1, values="int8")',
      'ValueError "values" expected one of float32, bfloat16',
    ],
    ['fewbits.compress_top_k(x, k=1, values=16)', 'TypeError "values" expected one of float32, bfloat16'],
    ['fewbits.compress_quantized(x, 0)', 'ValueError "bits" expected an integer in 1..16, got 0'],
    ['fewbits.compress_quantized(x, 17)', 'ValueError "bits" expected an integer in 1..16, got 17'],
    ['flatten(-1)', 'ValueError "seed" expected an integer in 0..4294967295, got -1'],
    ['flatten(1, step=2**32)', 'ValueError "step" expected an integer in 0..4294967295'],
    ['flatten(1, block=3)', 'ValueError "block" expected \'whole\' or a power of two, got 3'],
    ['flatten(1, block="half")', 'ValueError "block" expected \'whole\' or a power of two'],
    ['flatten(1, block=2**27)', 'ValueError "block" expected an integer in 1..67108864'],
    ['flatten(1, scale="median")', 'ValueError "scale" expected one of dither, mean, drive'],
    ['flatten(1, scale="mean", c=1)', 'ValueError "lambda_" and "c" belong to scale'],
    ['flatten(1, scale="drive", lambda_="max")', 'ValueError "lambda_" and "c" belong to scale'],
    ['flatten(1, lambda_="min")', 'ValueError "lambda_" expected one of norm, max'],
    ['flatten(1, lambda_=0)', "ValueError \"lambda_\" expected 'norm', 'max' or a number in 2^-60..2^60"],
    ['flatten(1, lambda_="max", c=1)', 'ValueError "c" belongs to lambda_'],
    ['flatten(1, c=float("nan"))', 'ValueError "c" expected a number in 2^-20..2^20'],
    ['fewbits.compress_scaled_sign(x, block=0)', 'ValueError "block" expected an integer in 1..4294967295'],
    ['fewbits.compress_scaled_sign(x.reshape(1, 3))', 'ValueError "x" expected one dimension'],
    ['fewbits.compress_scaled_sign(["a"])', 'TypeError "x" expected a vector of real numbers'],
    ['fewbits.write_index_list([0, 3], 3)', 'ValueError "indices" expected ascending integers in 0..2'],
    ['fewbits.write_index_list([1, 1], 3)', 'ValueError "indices" expected ascending integers in 0..2'],
    ['fewbits.write_index_list([2, 1], 3)', 'ValueError "indices" expected ascending integers in 0..2'],
    ['fewbits.write_index_list([-1, 1], 3)', 'ValueError "indices" expected ascending integers in 0..2'],
    ['fewbits.write_index_list([0.5], 3)', 'TypeError "indices" expected integers, got float64'],
    ['fewbits.write_index_list([[1]], 3)', 'ValueError "indices" expected one dimension'],
    ['fewbits.write_index_list([], 3, -1)', 'ValueError "tag" expected an integer in 0..4294967295, got -1'],
    ['fewbits.write_index_list([], -3)', 'ValueError "n" expected an integer in 0..4294967295, got -3'],
    ['fewbits.read_index_list(p)', 'PacketError compressor 2, expected a list of indices (at byte 5)'],
    [
      'fewbits.read_index_list(fewbits.write_index_list([1], 3), max_elements=2)',
      'PacketError n = 3 elements; "max_elements" allows 2',
    ],
    ['fewbits.decompress("packet")', 'TypeError "packet" expected bytes'],
    ['fewbits.decompress(b"")', 'PacketError a packet has at least 20 bytes, got 0 (at byte 0)'],
    ['fewbits.decompress(p, max_elements=2)', 'PacketError n = 3 elements; "max_elements" allows 2'],
  ];
  const said = await script(
    'x = np.ones(3, np.float32)',
    'flatten = lambda *seed, **options: fewbits.compress_flattened_one_bit(x, *seed, **options)',
    'p = bytearray(fewbits.compress_scaled_sign(x))',
    'assert fewbits.decompress(memoryview(p)).tolist() == [1, 1, 1]',
    `for call in (${calls.map(([call]) => `lambda: ${call}`).join(', ')}):`,
    "    try: call(); print('nothing')",
    '    except Exception as error: print(type(error).__name__, error)',
  );
  const lines = said.split('\n');
  calls.forEach(([call, expected], i) => assert.ok(lines[i].startsWith(expected), `${call}: ${lines[i]}`));
});

test('the command prints what a packet is, and writes an .npy file', async () => {
  if (missing) return skip(missing);
  const { name, packet, vector } = goldens.find(({ compressor, n }) => compressor === 'topK' && n === 1000)!;
  writeFileSync(`${folder}/good.fb`, packet);
  const program = `${root}python/fewbits.py`;
  const { stdout } = await python(program, 'inspect', 'good.fb');
  assert.equal(JSON.parse(stdout), inspect(packet));
  await python(program, 'decompress', 'good.fb', 'out.npy');
  const { data } = await readNpy(readFileSync(`${folder}/out.npy`));
  assertWords(data, vector, name);
  writeFileSync(`${folder}/bad.fb`, 'fewbits, but not a packet');
  for (const [file, said] of [
    ['bad.fb', 'fewbits.py: bad.fb: format version'],
    ['none.fb', 'No such file'],
  ]) {
    const failure = await rejects(python(program, 'inspect', file), Error);
    const { code, stderr } = failure as Error & { code: number; stderr: string };
    assert.is(code, 1);
    assert.ok(stderr.includes(said), stderr);
    assert.is(stderr.trim().split('\n').length, 1);
  }
});

test("the server of Python's README is the example's file", () => {
  const readme = readFileSync(`${root}python/README.md`, 'utf8');
  assert.is(
    /```python\n([^]*?)```/.exec(readme)?.[1],
    readFileSync(`${root}examples/python-server/server.py`, 'utf8'),
  );
});

test("the server of Python's README averages what workers send", async () => {
  if (missing) return skip(missing);
  const port = await freePort();
  const args = ['--workers', '2', '--elements', '100000', '--port', String(port)];
  const server = spawn(interpreter, ['-B', `${root}examples/python-server/server.py`, ...args], {
    env: { ...process.env, PYTHONPATH: `${root}python` },
    stdio: 'ignore',
  });
  const closed = once(server, 'close');
  try {
    const post = (body: Uint8Array<ArrayBuffer>, rank = 0): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/${rank}`, { method: 'POST', body });
    const bad = new Uint8Array([1, 2, 3]);
    let refusal = await post(bad).catch(() => undefined);
    while (refusal === undefined && server.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      refusal = await post(bad).catch(() => undefined);
    }
    assert.is(refusal?.status, 400);
    const short = await device.compress(float32(), input('normal', 99_999));
    assert.is((await post(new Uint8Array(short))).status, 400);
    const packets = await Promise.all(
      [1, 2].map((seed) => device.compress(topK({ ratio: 0.02 }), input('normal', 100_000, seed))),
    );
    const answers = await Promise.all(
      packets.map(
        async (packet, rank) =>
          new Uint8Array(await (await post(new Uint8Array(packet), rank)).arrayBuffer()),
      ),
    );
    const mean = new Float32Array(100_000);
    for (const packet of packets) await device.decompress(packet, { into: mean, accumulate: 0.5 });
    const expected = await device.compress(topK({ ratio: 0.01 }), mean);
    for (const answer of answers) assert.equal(answer, expected);
  } finally {
    server.kill();
    await closed;
  }
});

test.run();
