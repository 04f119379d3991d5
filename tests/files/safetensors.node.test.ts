/** .safetensors files and maps: models there and back, and what the reference reader refuses. */
import * as assert from 'uvu/assert';
import { elementsOf, readMap, writeMap } from '../../ts/files/map.ts';
import {
  isCarried,
  readSafetensors,
  safetensorsParts,
  writeSafetensors,
  type Layout,
} from '../../ts/files/safetensors.ts';
import { joined } from '../../ts/files/source.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('.safetensors files');

/** A file with this header and so many bytes of data: 1, 2, 3 ... */
function file(header: string | Uint8Array, bytes: number | Uint8Array): Uint8Array {
  const text = typeof header === 'string' ? Buffer.from(header) : header;
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  const data = typeof bytes === 'number' ? new Uint8Array(bytes).map((_, i) => i % 100) : bytes;
  return new Uint8Array(Buffer.concat([length, text, data]));
}

const entry = (dtype: string, shape: readonly number[], start: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await readSafetensors(bytes);
  } catch (error) {
    assert.is((error as Error).constructor, Error, String(error));
    const { message } = error as Error;
    assert.ok(message.length <= 300 && !/[\p{Cc}\p{Cf}]/u.test(message), message);
    return message;
  }
  return 'nothing';
}

/** Every type of the format, with the bytes of eight elements. */
const TYPES: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

test('a model of every type goes there and back through its map: the same bytes, names and metadata', async () => {
  const names = ['__proto__', 'constructor', '', 'слой.0', '0', 'toString', 'a\n"b"', '\u{1f600}'];
  let at = 0;
  const header = Object.entries(TYPES).map(([dtype, bytes], i): [string, object] => {
    const name = names[i] ?? `layer.${i}`;
    return [name, entry(dtype, i % 2 ? [2, 4] : [8], at, (at += bytes))];
  });
  const metadata = '"__metadata__":{"format":"pt","__proto__":"x","":"y"}';
  const json = `{${metadata},${header.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join(',')}}`;
  const bytes = new Uint8Array(at).map((_, i) => i % 100);
  const doubles = (header.find(([name]) => name === 'layer.17')![1] as { data_offsets: number[] })
    .data_offsets[0];
  bytes.set(new Uint8Array(new Float64Array([1, -0, 0.5, -3, 2 ** 100, 2 ** -149, 7, 8]).buffer), doubles);
  const { data, rounded, ...layout } = await readSafetensors(file(json, bytes));
  assert.equal([data.length, rounded], [32, 0]);
  const map = readMap(writeMap({ layout }));
  assert.is(elementsOf(map), 32);
  const changes = { rounded: 0, beyond: 0 };
  const back = joined(safetensorsParts({ data, ...(map as { layout: Layout }).layout }, changes));
  assert.equal(changes, { rounded: 0, beyond: 0 });
  assert.equal(back.slice(-at), bytes);
  const again = await readSafetensors(back);
  assert.equal(
    again.metadata,
    new Map([
      ['format', 'pt'],
      ['__proto__', 'x'],
      ['', 'y'],
    ]),
  );
  assert.equal(
    again.tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
    header.map(([name, one]) => [name, (one as { dtype: string }).dtype, (one as { shape: number[] }).shape]),
  );
});

test('float16 and bfloat16 come back as they were; what they cannot hold is counted', async () => {
  const words = new Uint16Array([0x3c00, 0x0001, 0x7bff, 0x8000, 0xfbff, 0x03ff]);
  for (const dtype of ['F16', 'BF16']) {
    const given = file(JSON.stringify({ x: entry(dtype, [6], 0, 12) }), new Uint8Array(words.buffer));
    const { data, tensors } = await readSafetensors(given);
    const changes = { rounded: 0, beyond: 0 };
    const back = joined(safetensorsParts({ data, tensors }, changes));
    assert.equal(back.slice(-12), given.slice(-12), dtype);
    assert.equal(changes, { rounded: 0, beyond: 0 });
    data.set([1 + 2 ** -12, dtype === 'F16' ? 70_000 : 3.4e38]);
    joined(safetensorsParts({ data, tensors }, changes));
    assert.equal(changes, { rounded: 1, beyond: 1 }, dtype);
  }
});

test('what the reference reader refuses is refused', async () => {
  const ok = entry('F32', [6], 0, 24);
  const one = (x: object | string): string => `{"x":${typeof x === 'string' ? x : JSON.stringify(x)}}`;
  const cases: [string, Uint8Array, RegExp][] = [
    ['overlap', file(JSON.stringify({ a: ok, b: ok }), 24), /"b" overlaps the one before/],
    ['overlap in part', file(JSON.stringify({ a: ok, b: entry('U8', [8], 20, 28) }), 28), /"b" overlaps/],
    [
      'hole',
      file(JSON.stringify({ a: ok, b: entry('U8', [4], 28, 32) }), 32),
      /no tensor has the 4 bytes before/,
    ],
    ['hole at the start', file(one(entry('U8', [4], 4, 8)), 8), /no tensor has the 4 bytes before/],
    ['trailing bytes', file(one(ok), 25), /no tensor has the last 1 bytes/],
    ['trailing bytes, no tensor', file('{}', 1), /no tensor has the last 1 bytes/],
    ['cut', file(one(ok), 23), /"x" passes the end/],
    ['a name twice', file(`{"x":${JSON.stringify(ok)},"x":${JSON.stringify(ok)}}`, 24), /"x" stands twice/],
    [
      'a field twice',
      file(one('{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}'), 4),
      /twice/,
    ],
    ['__metadata__ twice', file('{"__metadata__":{},"__metadata__":{}}', 0), /twice/],
    ['__metadata__ of a number', file('{"__metadata__":{"a":1}}', 0), /not an object of texts/],
    ['__metadata__ of a list', file('{"__metadata__":[]}', 0), /not an object of texts/],
    ['a list', file('[]', 0), /not an object/],
    ['null', file('null', 0), /not an object/],
    ['a text', file('"x"', 0), /not an object/],
    ['a space first', file(' {}', 0), /starts with \{/],
    ['no header', file('', 0), /not sound JSON/],
    ['two objects', file('{}{}', 0), /not sound JSON/],
    ['invalid UTF-8', file(Buffer.from('{"\xff":1}', 'latin1'), 0), /invalid UTF-8/],
    ['half a pair', file('{"\\ud800":1}', 0), /surrogate/],
    ['a type unknown', file(one(entry('F128', [1], 0, 16)), 16), /type "F128"/],
    ['a type of Object', file(one(entry('constructor', [1], 0, 4)), 4), /type "constructor"/],
    ['a shape negative', file(one('{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}'), 1), /makes no sense/],
    ['a shape as 1.0', file(one('{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}'), 1), /makes no sense/],
    ['a shape as 1e0', file(one('{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}'), 1), /makes no sense/],
    ['a shape of a fraction', file(one(entry('U8', [0.5, 2], 0, 1)), 1), /makes no sense/],
    ['a shape null', file(one('{"dtype":"U8","shape":null,"data_offsets":[0,1]}'), 1), /makes no sense/],
    ['a shape of texts', file(one('{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}'), 1), /makes no sense/],
    ['a shape that overflows', file(one(entry('U8', [2 ** 40, 2 ** 40], 0, 0)), 0), /too large/],
    ['and then 0', file(one(entry('U8', [2 ** 40, 2 ** 40, 0], 0, 0)), 0), /too large/],
    ['a shape too small', file(one(entry('F32', [5], 0, 24)), 24), /24 bytes, its shape takes 20/],
    ['offsets the wrong way', file(one(entry('F32', [0], 4, 0)), 4), /-4 bytes/],
    ['one offset', file(one('{"dtype":"U8","shape":[1],"data_offsets":[0]}'), 1), /makes no sense/],
    ['three offsets', file(one('{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}'), 1), /makes no sense/],
    ['half a byte', file(one(entry('F4', [3], 0, 1)), 1), /ends inside a byte/],
    ['no shape', file(one('{"dtype":"U8","data_offsets":[0,1]}'), 1), /makes no sense/],
    ['an entry null', file(one('null'), 0), /makes no sense/],
    ['seven bytes', new Uint8Array(7), /ends inside its header/],
    ['a header beyond the end', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d), /ends inside its header/],
    [
      'a header of 2^63 bytes',
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d),
      /ends inside its header/,
    ],
    ['a name of a megabyte', file(JSON.stringify({ ['\n\u202e'.repeat(2 ** 19)]: 1 }), 0), /makes no sense/],
  ];
  for (const [label, bytes, said] of cases) assert.match(await refusal(bytes), said, label);
});

test('a header of more than 100 MB is refused, before it is read', async () => {
  const start = new Uint8Array(new BigUint64Array([100_000_001n]).buffer);
  let asked = 0;
  const read = (from: number, end: number): Promise<Uint8Array> => {
    asked += end - from;
    return Promise.resolve(from === 0 ? start.subarray(0, end) : new Uint8Array(end - from));
  };
  try {
    await readSafetensors({ size: 2 ** 31, read });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /has 100000001 bytes; at most 100000000 are allowed/);
  }
  assert.is(asked, 8);
});

test('thousands of tensors on the same bytes are refused before any memory is taken', async () => {
  const shared = JSON.stringify(entry('F32', [500_000], 0, 2_000_000));
  const header = `{${Array.from({ length: 20_000 }, (_, i) => `"t${i}":${shared}`).join(',')}}`;
  const before = process.memoryUsage().arrayBuffers;
  assert.match(await refusal(file(header, 2_000_000)), /overlaps/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 26);
});

test('empty tensors and files are sound', async () => {
  const header = { a: entry('F32', [0, 5], 0, 0), b: entry('I64', [], 0, 8), c: entry('F32', [0], 8, 8) };
  const { data, tensors } = await readSafetensors(file(JSON.stringify(header), 8));
  assert.is(data.length, 0);
  assert.equal(
    tensors.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.equal((await readSafetensors(file('{}   ', 0))).tensors, []);
  assert.equal((await readSafetensors(file('{"__metadata__":null}', 0))).metadata, undefined);
});

test('a value of F64 beyond float32 is named with its tensor', async () => {
  const bytes = new Uint8Array(new Float64Array([1, 2, 1e39]).buffer);
  const header = { a: entry('F64', [2], 0, 16), b: entry('F64', [1], 16, 24) };
  assert.is(
    await refusal(file(JSON.stringify(header), bytes)),
    'element 0 of the tensor "b" is 1e+39, beyond the range of float32',
  );
});

test('a file of more than 4 GiB is read in pieces, and its other tensors do not count as elements', async () => {
  // 2^32 bytes of U8 that nobody keeps: the vector alone is asked for here
  const header = JSON.stringify({
    w: entry('F32', [4], 0, 16),
    big: entry('F32', [2 ** 30], 16, 2 ** 32 + 16),
  });
  const start = file(header, new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer));
  const source = {
    size: start.length + 2 ** 32,
    read: (from: number, end: number) => Promise.resolve(start.subarray(from, end)),
  };
  try {
    await readSafetensors(source, { most: 2 ** 28 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
    assert.match((error as Error).message, /1073741828 elements; at most 268435456/);
  }
});

test('maps are checked as files are', () => {
  const place = { name: 'a', shape: [24], dtype: 'F32', first: 0, count: 24 };
  const counter = { name: 'n', shape: [], dtype: 'I64', bytes: ['AQAAAAAAAAA='] };
  const read = (map: unknown): ReturnType<typeof readMap> =>
    readMap(Buffer.from(typeof map === 'string' ? map : JSON.stringify(map)));
  // a map without a version is one of the first
  assert.is(elementsOf(read({ tensors: [place, counter] })), 24);
  const { tensors } = (read({ version: 1, tensors: [counter] }) as { layout: Layout }).layout;
  assert.ok(isCarried(tensors[0]));
  assert.equal('bytes' in tensors[0] && [...tensors[0].bytes], [1, 0, 0, 0, 0, 0, 0, 0]);
  const wrong: [unknown, RegExp][] = [
    [{ tensors: [{ ...place, count: 1.5 }] }, /count/],
    [{ tensors: [{ ...place, count: -24 }] }, /count/],
    [{ tensors: [{ ...place, count: null }] }, /count/],
    [{ tensors: [{ ...place, count: '24' }] }, /count/],
    [{ tensors: [{ ...place, count: 25 }] }, /count/],
    [{ tensors: [{ ...place, first: 1 }] }, /start at element 0/],
    [{ tensors: [{ ...place, first: -0.5 }] }, /start at element 0/],
    [{ tensors: [{ ...place, shape: [-1] }] }, /makes no sense/],
    [{ tensors: [{ ...place, shape: [4.8, 5] }] }, /makes no sense/],
    [{ tensors: [{ ...place, shape: [null] }] }, /makes no sense/],
    [{ tensors: [{ ...place, shape: null }] }, /makes no sense/],
    [{ tensors: [{ ...place, shape: '24' }] }, /makes no sense/],
    [{ tensors: [{ ...place, shape: [2 ** 30, 2 ** 30], count: 2 ** 60 }] }, /too large/],
    [{ tensors: [{ ...place, dtype: 'Q9' }] }, /type "Q9"/],
    [{ tensors: [{ ...place, dtype: 'I32' }] }, /no bytes/],
    [{ tensors: [{ ...place, name: 5 }] }, /no name/],
    [{ tensors: [{ ...place, name: '__metadata__' }] }, /no name/],
    [{ tensors: [place, { ...place, first: 24 }] }, /two tensors are called "a"/],
    [{ tensors: [{ ...counter, bytes: ['AQ=='] }] }, /1 bytes, its shape takes 8/],
    [{ tensors: [{ ...counter, bytes: ['\n!'] }] }, /not base64/],
    [{ tensors: [{ ...counter, bytes: [7] }] }, /no texts/],
    [{ tensors: {} }, /neither tensors nor an array/],
    [{ tensors: [null] }, /no name/],
    [{ tensors: [place], metadata: { a: 1 } }, /object of texts/],
    [{ version: 2, tensors: [place] }, /version 2/],
    [{ array: { shape: [2, -3], dtype: '<f4', fortranOrder: false } }, /shape/],
    [{ array: { shape: [2 ** 40, 2 ** 40], dtype: '<f4', fortranOrder: false } }, /shape/],
    [{ array: { shape: [2], dtype: "<f4', 'x", fortranOrder: false } }, /dtype/],
    [{ array: { shape: [2], dtype: '<f4', fortranOrder: 0 } }, /fortranOrder/],
    [[], /no object/],
    ['{"tensors":[],"tensors":[]}', /twice/],
    ['not JSON', /makes no sense/],
  ];
  for (const [map, said] of wrong)
    assert.throws(
      () => read(map),
      (error: Error) => said.test(error.message),
      JSON.stringify(map).slice(0, 100),
    );
});

test('a large tensor that is carried keeps its bytes in the map', () => {
  const bytes = new Uint8Array(input('normal', 100_001).buffer);
  const layout = { tensors: [{ name: 'table', shape: [bytes.length], dtype: 'U8', bytes }] };
  const map = readMap(writeMap({ layout }));
  const [back] = (map as { layout: Layout }).layout.tensors;
  assert.equal('bytes' in back && back.bytes, bytes);
});

test('a vector that is too short for its tensors is not written', () => {
  const tensors = [{ name: 'a', shape: [4], dtype: 'F32', first: 0, count: 4 }];
  assert.throws(
    () => writeSafetensors({ data: new Float32Array(3), tensors }),
    /passes the end of the vector/,
  );
});

test.run();
