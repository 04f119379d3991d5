/** The reader of JSON from strangers beside JSON.parse: the same values, and what JSON.parse lets by is refused. */
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { parseJson, type Json } from '../../ts/files/json.ts';
import { suite } from '../support/suite.ts';

const test = suite('JSON of files');

const read = (text: string): Json => parseJson(new TextEncoder().encode(text));

/** A value as JSON.parse gives it. */
function plain(json: Json): unknown {
  if (Array.isArray(json)) return json.map(plain);
  if (json instanceof Map)
    return Object.fromEntries([...json].map(([key, value]) => [key, plain(value as Json)]));
  if (json !== null && typeof json === 'object') return Number((json as { number: string }).number);
  return json;
}

test('reads what JSON.stringify writes, with and without spaces', () => {
  const value = fc.json({ maxDepth: 5, stringUnit: 'grapheme' });
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, '\t'), (text, space) => {
      const parsed: unknown = JSON.parse(text);
      assert.equal(plain(read(JSON.stringify(parsed, undefined, space))), parsed);
    }),
    { numRuns: 500 },
  );
});

test('of damaged texts, those are read that JSON.parse reads, but for keys that stand twice', () => {
  const seed = '{"a": [1, -2.5e3, "x\\u00e9\\n", true, null, {"b": {}, "c": [[]]}], "d": "\\ud83d\\ude00"}';
  const edit = fc.tuple(
    fc.nat(seed.length - 1),
    fc.constantFrom(...'0123456789-+.eEtfn"\\/u{}[],: \n\t\0ab'),
  );
  let [both, neither] = [0, 0];
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const letters = [...seed];
      for (const [at, letter] of edits) letters[at] = letter;
      const text = letters.join('');
      let expected: unknown;
      let sound = true;
      try {
        expected = JSON.parse(text);
      } catch {
        sound = false;
      }
      let given: { json: Json } | undefined;
      try {
        given = { json: read(text) };
      } catch (error) {
        assert.is((error as Error).constructor, Error);
        if (sound) assert.match((error as Error).message, /stands twice|surrogate/, text);
      }
      if (given !== undefined) {
        assert.ok(sound, `JSON.parse refuses ${text}`);
        assert.equal(plain(given.json), expected);
        both++;
      } else neither++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(both > 100 && neither > 1000, `${both} read, ${neither} refused`);
});

test('integers are told from other numbers', () => {
  assert.equal(read('[0, 7, 9007199254740991]'), [0, 7, 9007199254740991]);
  for (const text of ['-0', '-1', '1.0', '1e2', '0.5', '9007199254740992', '1e400'])
    assert.equal(read(text), { number: text });
});

test('keys are kept, whatever they are called', () => {
  const json = read('{"__proto__": 1, "constructor": 2, "": 3, "ключ": 4}') as ReadonlyMap<string, Json>;
  assert.equal(
    [...json],
    [
      ['__proto__', 1],
      ['constructor', 2],
      ['', 3],
      ['ключ', 4],
    ],
  );
});

test('what JSON.parse and TextDecoder let by is refused', () => {
  const cases: [Uint8Array | string, RegExp][] = [
    ['{"a": 1, "a": 2}', /the key "a" stands twice/],
    ['{"a": 1, "\\u0061": 2}', /the key "a" stands twice/],
    ['"\\ud800"', /surrogate/],
    ['"\\udc00\\ud800"', /surrogate/],
    [Uint8Array.of(0x22, 0xff, 0x22), /UTF-8/],
    [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), /UTF-8/],
    [Uint8Array.of(0x22, 0xc0, 0x80, 0x22), /UTF-8/],
    [Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d), /expected a value/],
    ['['.repeat(100_000), /levels deep/],
    ['{"a":'.repeat(100_000), /levels deep/],
    ['1'.repeat(1_000_000), /expected a value/],
    ['', /expected a value/],
    ['{} {}', /more text/],
  ];
  for (const [text, said] of cases)
    assert.throws(
      () => (typeof text === 'string' ? read(text) : parseJson(text)),
      (error: Error) => said.test(error.message) && error.message.length < 200,
      String(text).slice(0, 50),
    );
  // a byte order mark inside a text is a part of it
  assert.is(parseJson(Uint8Array.of(0x22, 0xef, 0xbb, 0xbf, 0x61, 0x22)), '\ufeffa');
});

test.run();
