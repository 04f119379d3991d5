import * as assert from 'uvu/assert';
import { countAbove } from '../../ts/packet/codes.ts';
import { pack } from '../reference/pack.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('codes');

test('countAbove is what a loop over the codes counts', () => {
  const next = words(3);
  for (let width = 1; width <= 16; width++) {
    const most = 2 ** width - 1;
    const limits = new Set([0, 1, most >> 1, most - 2, most - 1, most].filter((limit) => limit >= 0));
    for (const n of [0, 1, 2, 3, 7, 31, 32, 33, 64, 65, 500]) {
      // a third of the codes near the greatest, so that the limits there count some
      const codes = Array.from({ length: n }, () =>
        next() % 3 === 0 ? Math.max(most - (next() % 3), 0) : (next() >>> 8) % (most + 1),
      );
      const packed = pack(codes, width);
      for (const limit of limits)
        assert.is(
          countAbove(packed, n, width, limit),
          codes.filter((code) => code > limit).length,
          `${n} codes of ${width} bits above ${limit}`,
        );
    }
  }
});

test('all ones, and none, are counted in every place of a word', () => {
  for (let width = 1; width <= 16; width++) {
    const most = 2 ** width - 1;
    for (const n of [1, 32, 99]) {
      assert.is(countAbove(pack(new Array<number>(n).fill(most), width), n, width, most - 1), n);
      assert.is(countAbove(pack(new Array<number>(n).fill(most - 1), width), n, width, most - 1), 0);
      for (let at = 0; at < n; at++) {
        const codes = new Array<number>(n).fill(0);
        codes[at] = most;
        assert.is(countAbove(pack(codes, width), n, width, most - 1), 1, `${width} bits, code ${at}`);
      }
    }
  }
});

test.run();
