/** .npy files beside numpy itself: what it reads is read, to the same values, and what it refuses is refused. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { findPython, NO_PYTHON } from '../../examples/shared/python.ts';
import { npyParts, readNpy, writeNpy, type Tensor } from '../../ts/files/npy.ts';
import { joined } from '../../ts/files/source.ts';
import { input, words } from '../support/inputs.ts';
import { skip } from '../support/require.ts';
import { suite } from '../support/suite.ts';

const test = suite('.npy files');
const run = promisify(execFile);

let folder = '';
let interpreter = '';
test.before(async () => {
  folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  interpreter = (await findPython()) ?? '';
});
test.after(() => rmSync(folder, { recursive: true }));

/** A file with this header, whatever it says; `data` are 48 bytes of values from 1 to 2 in every type. */
function npy(header: string | Uint8Array, { version = 1, data = DATA } = {}): Uint8Array {
  const text = typeof header === 'string' ? Buffer.from(header, version === 3 ? 'utf8' : 'latin1') : header;
  const length = new Uint8Array(version === 1 ? 2 : 4);
  for (let i = 0; i < length.length; i++) length[i] = (text.length >>> (8 * i)) & 255;
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Uint8Array.of(version, 0), length, text, data]);
}

const DATA = new Uint8Array(48).map((_, i) => 0x3c + (i % 3));

/** A header with some of its values replaced. */
function dictionary({ descr = "'<f4'", order = 'False', shape = '(2, 3)' } = {}): string {
  return `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
}

const HEADERS: readonly (string | [string, 1 | 2 | 3])[] = [
  dictionary(),
  // shapes
  ...['()', '(6,)', '(1, 6)', '(0,)', '(3, 0, 2)', '(2, 3, 1, 1)', '(6)', '6', '[2, 3]', '(2, 3', '(2 3)'],
  ...[
    '(2L, 3L)',
    '(6L,)',
    '(6l,)',
    '(2_0, 1)',
    '(0x2, 0b11)',
    '(0o6,)',
    '(06,)',
    '(00, 1)',
    '(6.0,)',
    '(+6,)',
  ],
  ...['(-1,)', '(-2, -3)', '(True, 6)', '(None,)', "('6',)", '(6,,)', '(,)', '(9,)', '(12,)', '(1e1,)'],
  ...[
    '(4294967296, 4294967296)',
    '(9223372036854775808,)',
    '(2305843009213693952,)',
    `(${'1, '.repeat(64)})`,
  ],
  ...[
    `(${'1, '.repeat(65)})`,
    `(${'1,'.repeat(30)}6)`,
    `${'('.repeat(50)}6${')'.repeat(50)}`,
    '((2, 3))',
    '((2), 3)',
  ],
].map((shape) => (shape.startsWith('{') ? shape : dictionary({ shape })));

const DESCRS = [
  ...[
    "'>f4'",
    "'<f8'",
    "'>f8'",
    "'<f2'",
    "'>f2'",
    "'=f4'",
    "'|f4'",
    "'f4'",
    "'f'",
    "'d'",
    "'e'",
    "'float32'",
  ],
  ...["'float64'", "'half'", "'single'", "'double'", "'float'", "'<i4'", "'<u8'", "'|b1'", "'|O'", "'<c8'"],
  ...[
    "'<U4'",
    "'|S4'",
    "'<M8[s]'",
    "'<f16'",
    "'f3'",
    "''",
    "'<'",
    "'nonsense'",
    "('<f4', (2,))",
    'None',
    '4',
  ],
  ...["[('a', '<f4')]", "[('a', '<f4'), ('b', '<i4')]", "u'<f4'", "r'<f4'", "b'<f4'", `"<f4"`, `'''<f4'''`],
  ...["'<' 'f4'", "'\\x3cf4'", "'\\u003cf4'", "'<f4", "'<f4\\n'", "'<f4\n'"],
].map((descr) => dictionary({ descr, shape: '(3,)' }));

const WHOLE: readonly (string | [string, 1 | 2 | 3])[] = [
  ...['True', '0', '1', 'None', "'True'", 'true', '(True)'].map((order) => dictionary({ order })),
  dictionary().replaceAll("'", '"'),
  dictionary().replace("'descr'", "'descr': '<f8', 'descr'"),
  dictionary().replace("'shape'", "'shape': (9, 9), 'shape'"),
  dictionary().replace("'shape'", "'more': 1, 'shape'"),
  dictionary().replace(/'shape': .*, }/, '}'),
  dictionary().replace('}', '} # a comment'),
  dictionary().replace('{', '{ # a comment\n'),
  dictionary().trim() + dictionary().trim(),
  `  ${dictionary()}`,
  `\n${dictionary()}`,
  `${dictionary()};`,
  dictionary().replace(', }', '}'),
  dictionary().replace(', }', ',, }'),
  dictionary().replaceAll(' ', ''),
  dictionary().replaceAll(' ', '\n'),
  `(${dictionary().trim()})`,
  `(${dictionary().trim()},)`,
  `[${dictionary().trim()}]`,
  '',
  '{}',
  'None',
  "{'descr'}",
  dictionary().trim().padEnd(60_000) + '\n',
  [dictionary(), 2],
  [dictionary(), 3],
  [dictionary().trim().padEnd(250_000) + '\n', 2],
  [dictionary().trim().padEnd(250_000) + '\n', 3],
  [dictionary({ shape: '(2L, 3L)' }), 2],
  [dictionary({ shape: '(2L, 3L)' }), 3],
  [dictionary({ shape: '(2, 3)', order: 'True' }), 2],
];

/** What numpy says of a file: its shape and float32 values, another type's name, or its refusal. */
interface Seen {
  readonly shape?: number[];
  readonly values?: string;
  readonly other?: string;
  readonly refused?: string;
}

const LOAD = `
import sys, json, warnings
import numpy as np
warnings.simplefilter('ignore')
for path in open(sys.argv[1]).read().split():
    try:
        a = np.lib.format.read_array(open(path, 'rb'), max_header_size=10**9)
        if a.dtype.kind == 'f' and a.dtype.itemsize in (2, 4, 8):
            said = {'shape': list(a.shape), 'values': np.ravel(a).astype('<f4').tobytes().hex()}
        else: said = {'other': str(a.dtype)}
    except Exception as error: said = {'refused': type(error).__name__ + ' ' + str(error)[:100]}
    print(json.dumps(said))
`;

async function numpySays(files: readonly Uint8Array[]): Promise<Seen[]> {
  const paths = files.map((bytes, i) => {
    writeFileSync(`${folder}/${i}.npy`, bytes);
    return `${folder}/${i}.npy`;
  });
  writeFileSync(`${folder}/list`, paths.join('\n'));
  const { stdout } = await run(interpreter, ['-c', LOAD, `${folder}/list`], { maxBuffer: 2 ** 28 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Seen);
}

/** @throws AssertionError unless fewbits does with the file as numpy does */
async function same(bytes: Uint8Array, seen: Seen, label: string): Promise<'read' | 'refused'> {
  let tensor: Tensor | undefined;
  let message = '';
  try {
    tensor = await readNpy(bytes);
  } catch (error) {
    assert.is((error as Error).constructor, Error, `${label}: ${String(error)}`);
    ({ message } = error as Error);
    assert.ok(message.length < 400 && !/\p{Cc}/u.test(message), `${label}: ${message}`);
  }
  if (seen.values === undefined) {
    assert.is(tensor, undefined, `${label}: numpy says ${seen.other ?? seen.refused}`);
    return 'refused';
  }
  if (tensor === undefined) {
    // numpy takes what float32 cannot hold as infinity
    assert.match(message, /beyond the range of float32/, `${label}: numpy reads it`);
    return 'refused';
  }
  assert.equal(tensor.shape, seen.shape, label);
  const expected = new Float32Array(new Uint8Array(Buffer.from(seen.values, 'hex')).buffer);
  assert.is(tensor.data.length, expected.length, label);
  for (const [i, value] of expected.entries())
    assert.ok(Object.is(tensor.data[i], value), `${label}: element ${i} is ${tensor.data[i]}, not ${value}`);
  return 'read';
}

test('what stands in a header is read or refused as numpy does', async () => {
  if (interpreter === '') return skip(NO_PYTHON);
  const cases = [...HEADERS, ...DESCRS, ...WHOLE].map((one) => (typeof one === 'string' ? [one, 1] : one));
  const files = cases.map(([text, version]) => npy(text as string, { version: version as number }));
  const seen = await numpySays(files);
  const counts = { read: 0, refused: 0 };
  for (const [i, file] of files.entries())
    counts[await same(file, seen[i], String(cases[i][0]).trim().slice(0, 200))]++;
  assert.ok(counts.read > 50 && counts.refused > 50, JSON.stringify(counts));
});

test('of 3000 damaged files numpy and fewbits read the same ones, to the same values', async () => {
  if (interpreter === '') return skip(NO_PYTHON);
  const next = words(7);
  const sound = [
    npy(dictionary()),
    npy(dictionary({ descr: "'>f8'" })),
    npy(dictionary({ descr: "'<f2'", order: 'True' }), { version: 2 }),
    npy(dictionary({ shape: '(2L, 3L)' })),
    npy(dictionary({ shape: '(6,)' }), { version: 3 }),
  ];
  const letters = Buffer.from('0123456789LTFbef<>|=()[]{},:\'"\\ -+_#\n\0\xff', 'latin1');
  const files = Array.from({ length: 3000 }, () => {
    const file = Uint8Array.from(sound[next() % sound.length]);
    for (let edits = 1 + (next() % 3); edits > 0; edits--)
      file[8 + (next() % 75)] = letters[next() % letters.length];
    return next() % 8 === 0 ? file.subarray(0, next() % file.length) : file;
  });
  const seen = await numpySays(files);
  const counts = { read: 0, refused: 0 };
  for (const [i, file] of files.entries())
    counts[await same(file, seen[i], Buffer.from(file).toString('latin1'))]++;
  assert.ok(counts.read > 200 && counts.refused > 1000, JSON.stringify(counts));
});

test('Fortran order is read to C order, and both byte orders to the same values', async () => {
  const values = [1, 2, 3, 4, 5, 6];
  const big = new Uint8Array(new Float32Array(values).buffer);
  for (let i = 0; i < 24; i += 4) big.subarray(i, i + 4).reverse();
  const tensor = await readNpy(npy(dictionary({ descr: "'>f4'", order: 'True' }), { data: big }));
  assert.equal([...tensor.data], [1, 3, 5, 2, 4, 6]);
  assert.equal([tensor.shape, tensor.dtype, tensor.fortranOrder], [[2, 3], '>f4', true]);
});

test('an array goes back as the file that it was: shape, type, order of bytes and of elements', async () => {
  for (const dtype of ['<f2', '>f2', '<f4', '>f4', '<f8', '>f8'])
    for (const fortranOrder of [false, true])
      for (const shape of [[], [5], [2, 3], [2, 3, 4], [3, 0, 2], Array<number>(64).fill(1)]) {
        const count = shape.reduce((product, size) => product * size, 1);
        const data = Float32Array.from({ length: count }, (_, i) => i - 2.5);
        const changes = { rounded: 0, beyond: 0 };
        const file = joined(npyParts(data, { shape, dtype, fortranOrder }, changes));
        const back = await readNpy(file);
        assert.equal([...back.data], [...data]);
        assert.equal([back.shape, back.dtype, back.fortranOrder], [shape, dtype, fortranOrder]);
        assert.equal(changes, { rounded: 0, beyond: 0 });
        assert.is((file.length - count * Number(dtype[2])) % 64, 0);
      }
});

test('numpy reads what is written', async () => {
  if (interpreter === '') return skip(NO_PYTHON);
  const data = Float32Array.from({ length: 24 }, (_, i) => i / 8);
  for (const fortranOrder of [false, true]) {
    const layout = { shape: [2, 3, 4], dtype: '>f8', fortranOrder };
    const [seen] = await numpySays([joined(npyParts(data, layout, { rounded: 0, beyond: 0 }))]);
    assert.equal(seen, { shape: [2, 3, 4], values: Buffer.from(data.buffer).toString('hex') });
  }
});

test('values that float32 cannot hold are counted, or named where they are finite and beyond its range', async () => {
  const double = (values: number[]): Uint8Array =>
    npy(dictionary({ descr: "'<f8'", shape: `(${values.length},)` }), {
      data: new Uint8Array(new Float64Array(values).buffer),
    });
  const { data, rounded } = await readNpy(double([1, 0.1, -1e-50, 2 ** -149, NaN, Infinity, -0]));
  assert.is(rounded, 2);
  assert.equal([...data], [1, Math.fround(0.1), -0, 2 ** -149, NaN, Infinity, -0]);
  try {
    await readNpy(double([1, 2, -1e300]));
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'element 2 of the .npy file is -1e+300, beyond the range of float32');
  }
});

test('a file is read in pieces, from wherever it lies', async () => {
  const x = input('normal', 2 ** 24);
  const file = writeNpy(x);
  let most = 0;
  const read = (start: number, end: number): Promise<Uint8Array> => {
    most = Math.max(most, end - start);
    return Promise.resolve(file.subarray(start, end));
  };
  const { data } = await readNpy({ size: file.length, read });
  assert.equal(data, x);
  assert.ok(most < file.length, `${most} bytes at once`);
});

test.run();
