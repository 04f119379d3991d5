/** What the command says: help, and of a wrong line or file one line that names it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { writeNpy } from '../../ts/files/npy.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { folderFor, npy } from './folder.ts';

const test = suite('command line, what it says');
const { at, fewbits, save } = folderFor(test);

test('text of files and of the line stands in errors short, and without control characters', async () => {
  const evil = `\x1b[2J\u202e${'x'.repeat(100_000)}`;
  const header = JSON.stringify({ [evil]: { dtype: evil, shape: [1], data_offsets: [0, 4] } });
  writeFileSync(
    at('evil.safetensors'),
    Buffer.concat([
      Buffer.from(new BigUint64Array([BigInt(Buffer.from(header).length)]).buffer),
      Buffer.from(header),
      new Uint8Array(4),
    ]),
  );
  writeFileSync(at('evil.npy'), npy('\x1b[2J\r\n\x07', '(1,)', new Uint8Array(4)));
  save('g.npy', input('normal', 10));
  await fewbits('compress', 'g.npy', '-c', 'float32', '-o', 'g.fb');
  writeFileSync(at('evil.json'), JSON.stringify({ tensors: [{ name: evil, shape: [1], dtype: evil }] }));
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
  writeFileSync(at('cut.npy'), writeNpy(x).subarray(0, 300));
  writeFileSync(at('int.npy'), npy('<i4', '(1,)', new Uint8Array(4)));
  await fewbits('compress', 'g.npy', '-o', 'g.fb', '-c', 'top-k:k=10');
  const packet = readFileSync(at('g.fb'));
  writeFileSync(at('short.fb'), packet.subarray(0, packet.length - 3));
  packet[40] ^= 1;
  writeFileSync(at('flipped.fb'), packet);
  const before = readdirSync(at('')).length;
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
  assert.is(readdirSync(at('')).length, before, 'a failed command left a file behind');
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
    at('picky.mjs'),
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
