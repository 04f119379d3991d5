/**
 * What packets are made of and read with on a backend (`Backend.coder`): index lists as the bits of
 * ts/packet/index-coding.ts, and the same refusals; NaN where there is any.
 */
import * as assert from 'uvu/assert';
import { PacketError } from '../../ts/errors.ts';
import { decodeRice, encodeIndices, type RiceCode } from '../../ts/packet/index-coding.ts';
import { eachBackend } from '../support/backends.ts';
import { words } from '../support/inputs.ts';

/** k ascending indices whose gaps are random below `most`, all alike, or both in turn. */
function listOf(k: number, most: number, seed: number): Uint32Array {
  const next = words(seed);
  let last = -1;
  return Uint32Array.from({ length: k }, (_, i) => {
    const gap = seed % 3 === 1 && (i >> 7) % 2 === 0 ? most - 1 : Math.floor((next() / 2 ** 32) * most);
    return (last += gap + 1);
  });
}

function* lists(): Generator<{ indices: Uint32Array; n: number }> {
  let seed = 0;
  for (const k of [1, 2, 4, 5, 6, 127, 128, 129, 255, 256, 257, 383, 1000, 20_000])
    for (const most of [1, 2, 5, 100, 3000, 2 ** 17]) {
      const indices = listOf(k, most, seed++);
      yield { indices, n: indices[k - 1] + 1 + (seed % 2) * 1000 };
    }
  yield { indices: Uint32Array.of(2 ** 32 - 2), n: 2 ** 32 - 1 };
  yield { indices: Uint32Array.of(0, 2 ** 31, 2 ** 32 - 2), n: 2 ** 32 - 1 };
  // a gap that is many words of the unary part
  const long = listOf(128, 3, 1);
  long[127] += 1500;
  yield { indices: long, n: 5000 };
}

const same = (a: Uint32Array, b: Uint32Array): boolean =>
  a.length === b.length && a.every((word, i) => word === b[i]);

/** What JavaScript decodes, or says. */
function outcome(decode: () => Uint32Array): Uint32Array | string {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return error.message;
  }
}

eachBackend('what packets are made of, on the backend', (test, open) => {
  test('the code that JavaScript makes, and back', async () => {
    const backend = await open();
    const { coder } = backend;
    if (coder === undefined) return;
    for (const { indices, n } of lists()) {
      const k = indices.length;
      const label = `k = ${k}, n = ${n}`;
      const expected = encodeIndices(indices, n);
      if (expected.coding === 'bitmap') {
        assert.is(coder.encode(indices, k, Math.ceil(n / 32)), undefined, label);
        continue;
      }
      const { head, low, unary, unaryBits } = expected;
      const total = head.length + low.length + unary.length;
      assert.is(coder.encode(indices, k, total - 1), undefined, label);
      const buffer = backend.allocate(k + 3);
      backend.write(buffer, indices);
      for (const list of [indices, buffer]) {
        const code = coder.encode(list, k, total)!;
        assert.is(code.unaryBits, unaryBits, label);
        assert.ok(same(code.head, head), `${label}, head`);
        assert.ok(same(code.low, low), `${label}, low`);
        assert.ok(same(code.unary, unary), `${label}, unary`);
      }
      backend.release(buffer);
      assert.ok(same(coder.decode(expected, k, n)!, indices), label);
    }
  });

  test('one word that is not finite is seen, wherever it is', async () => {
    const backend = await open();
    const { coder } = backend;
    if (coder === undefined) return;
    for (const n of [1, 5, 1000, 2 ** 14 + 3]) {
      const plain = Uint32Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0x7f7fffff : 0xff7fffff));
      for (const place of [-1, 0, n >> 1, n - 1])
        for (const bad of [0x7f800000, 0xff800000, 0x7fc00001]) {
          const list = plain.slice();
          if (place >= 0) list[place] = bad;
          const buffer = backend.allocate(n);
          backend.write(buffer, list);
          for (const given of [list, buffer]) {
            assert.is(coder.finite(given, n), place < 0, `${n}, ${place}`);
            if (place === n - 1 && n > 1) assert.ok(coder.finite(given, n - 1));
          }
          backend.release(buffer);
        }
    }
  });

  test('damaged codes are refused where JavaScript refuses them, with its words', async () => {
    const { coder } = await open();
    if (coder === undefined) return;
    const next = words(9);
    const below = (most: number): number => next() % most;
    const messages = new Set<string>();
    for (let round = 0; round < 3000; round++) {
      const indices = listOf(256 + below(200), [3, 40, 3000][round % 3], round);
      const k = indices.length;
      let n = indices[k - 1] + 1;
      const coded = encodeIndices(indices, n);
      if (coded.coding === 'bitmap') continue;
      const parts = { head: coded.head.slice(), low: coded.low.slice(), unary: coded.unary.slice() };
      let { unaryBits } = coded;
      const part = parts[(['head', 'low', 'unary'] as const)[below(3)]];
      const kind = below(5);
      if (kind === 0) n -= 1 + below(5);
      else if (kind === 1) unaryBits += below(2) === 0 ? 1 : -1;
      else if (kind === 2) part[below(part.length)] ^= 1 << below(32);
      else if (kind === 3) part[below(part.length)] = below(2) === 0 ? 0 : 2 ** 32 - 1;
      else part[part.length - 1] ^= 1 << (31 - below(4));
      const code: RiceCode = { ...parts, unaryBits };
      const expected = outcome(() => decodeRice(code, k, n, 0));
      const got = outcome(() => decodeRice(code, k, n, 0, coder));
      const label = `round ${round}: ${typeof expected === 'string' ? expected : 'sound'}`;
      assert.equal(got, expected, label);
      // a code that is refused for zeros at its end alone is sound to the coder
      if (typeof expected !== 'string') assert.ok(same(coder.decode(code, k, n)!, expected), label);
      else if (!/zero/.test(expected)) assert.is(coder.decode(code, k, n), undefined, label);
      if (typeof expected === 'string') messages.add(expected.replace(/\d+/g, '#'));
    }
    assert.ok(messages.size >= 6, [...messages].join('; '));
  });
});
