/** python/fewbits.py as it is used: what it says of wrong arguments, its command, the server of its README. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { readNpy } from '../../ts/files/npy.ts';
import { float32, topK } from '../../ts/index.ts';
import { inspect } from '../../ts/inspect.ts';
import { goldens } from '../support/golden.ts';
import { rejects } from '../support/host.ts';
import { input } from '../support/inputs.ts';
import { freePort } from '../support/ports.ts';
import { skip } from '../support/require.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { device, pythonFor, root } from './interpreter.ts';

const test = suite('python, its use');
const python = pythonFor(test);

test('NaN and infinity are refused, counted and found', async () => {
  if (python.missing) return skip(python.missing);
  const said = await python.script(
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
  if (python.missing) return skip(python.missing);
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
  const said = await python.script(
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
  if (python.missing) return skip(python.missing);
  const { name, packet, vector } = goldens.find(({ compressor, n }) => compressor === 'topK' && n === 1000)!;
  writeFileSync(python.at('good.fb'), packet);
  const program = `${root}python/fewbits.py`;
  const { stdout } = await python.run(program, 'inspect', 'good.fb');
  assert.equal(JSON.parse(stdout), inspect(packet));
  await python.run(program, 'decompress', 'good.fb', 'out.npy');
  const { data } = await readNpy(readFileSync(python.at('out.npy')));
  assertWords(data, vector, name);
  writeFileSync(python.at('bad.fb'), 'fewbits, but not a packet');
  for (const [file, said] of [
    ['bad.fb', 'fewbits.py: bad.fb: format version'],
    ['none.fb', 'No such file'],
  ]) {
    const failure = await rejects(python.run(program, 'inspect', file), Error);
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
  if (python.missing) return skip(python.missing);
  const port = await freePort();
  const args = ['--workers', '2', '--elements', '100000', '--port', String(port)];
  const server = spawn(python.interpreter, ['-B', `${root}examples/python-server/server.py`, ...args], {
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
