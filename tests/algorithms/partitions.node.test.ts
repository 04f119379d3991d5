import * as assert from 'uvu/assert';
import { Partitions } from '../../ts/algorithms/partitions.ts';
import { balanced, blocksOf } from '../reference/algorithms/ex-dyna.ts';
import { words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('partitions');

const SIZES = [1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 100, 255, 256, 257, 1000, 1025, 32_767, 32_768, 101_770];
const LARGE = [2_000_003, 25_557_032];

test('blocks are max(N, min(1024, n / 32)), of a multiple of 32 where that is 32 or more', () => {
  for (const [n, workers, blocks, length] of [
    [1, 1, 1, 1],
    [31, 1, 1, 31],
    [33, 1, 1, 32],
    [64, 1, 2, 32],
    [100, 8, 8, 12],
    [1000, 8, 31, 32],
    [1025, 2, 32, 32],
    [5, 8, 8, 0],
    [32_768, 4, 1024, 32],
    [65_535, 4, 1024, 32], // 63.99 is rounded down
    [65_536, 4, 1024, 64],
    [101_770, 4, 1024, 96],
    [2_000_003, 8, 1024, 1952],
  ]) {
    const partitions = new Partitions(n, workers);
    assert.is(
      partitions.blocks.reduce((sum, count) => sum + count, 0),
      blocks,
      `n ${n}, ${workers} workers`,
    );
    assert.is(partitions.length, length, `n ${n}, ${workers} workers`);
  }
});

test('partitions are as equal as can be at the start, and cover the vector', () => {
  for (const n of [...SIZES, ...LARGE])
    for (const workers of [1, 2, 3, 8, 17]) {
      const partitions = new Partitions(n, workers);
      const { blocks, length } = partitions;
      assert.ok(Math.max(...blocks) - Math.min(...blocks) <= 1);
      assert.ok(Math.min(...blocks) >= 1);
      let end = 0;
      for (let p = 0; p < workers; p++) {
        const range = partitions.range(p);
        assert.is(range.start, end);
        end = range.end;
        if (p < workers - 1) assert.is(range.end - range.start, blocks[p] * length);
      }
      assert.is(end, n);
    }
});

/** 3200 elements are 100 blocks of 32, 25 for each of four; a partition keeps 6.25. */
const four = (blocks = [25, 25, 25, 25]): Partitions => {
  const partitions = new Partitions(3200, 4);
  partitions.blocks = [...blocks];
  return partitions;
};

for (const { label, blocks, counts, after } of [
  { label: 'equal counts move nothing', counts: [100, 100, 100, 100], after: [25, 25, 25, 25] },
  { label: 'from a crowded to a sparse neighbour', counts: [140, 60, 100, 100], after: [24, 26, 25, 25] },
  { label: 'and the other way round', counts: [60, 140, 100, 100], after: [26, 24, 25, 25] },
  { label: '1.05 times the mean is not crowded', counts: [105, 60, 135, 100], after: [25, 26, 24, 25] },
  { label: 'the mean / 1.05 and more is not sparse', counts: [109, 96, 97, 98], after: [25, 25, 25, 25] },
  { label: 'below the mean / 1.05 is sparse', counts: [109, 95, 98, 98], after: [24, 26, 25, 25] },
  // one block holds floor(32 * 400 / 3200) = 4: 94 + 4 is no longer sparse, and the next pair stays
  { label: 'the correction counts for the next pair', counts: [107, 94, 107, 92], after: [24, 26, 24, 26] },
  { label: 'without it the next pair would move', counts: [100, 94, 107, 99], after: [25, 26, 24, 25] },
  { label: 'chains between crowded and sparse stay', counts: [170, 100, 100, 30], after: [25, 25, 25, 25] },
  {
    label: 'a partition keeps a quarter of the mean',
    blocks: [7, 31, 31, 31],
    counts: [190, 10, 100, 100],
    after: [7, 31, 31, 31],
  },
  {
    label: 'down to that it gives',
    blocks: [8, 30, 31, 31],
    counts: [190, 10, 100, 100],
    after: [7, 31, 31, 31],
  },
  {
    label: 'a skipped move corrects nothing',
    // were 4 moved, the second would have 94 + 4: no longer sparse
    blocks: [7, 31, 31, 31],
    counts: [106, 94, 106, 94],
    after: [7, 32, 30, 31],
  },
])
  test(`moves: ${label}`, () => {
    const partitions = four(blocks);
    partitions.balance(
      counts,
      counts.reduce((sum, count) => sum + count, 0),
    );
    assert.equal(partitions.blocks, after);
  });

test('over random counts the moves are those of the rule, and no partition falls below its minimum', () => {
  const next = words(5);
  for (const [n, workers] of [
    [700, 2],
    [1025, 3],
    [3200, 8],
    [101_770, 8],
    [5, 8],
  ]) {
    const partitions = new Partitions(n, workers);
    const table = blocksOf(n, workers);
    let { ends } = table;
    for (let turn = 0; turn < 500; turn++) {
      // runs of like counts, so that some partition is pressed to its minimum
      const skew = Math.floor(turn / 100) % 2 === 0 ? 1 : workers;
      const counts = Array.from({ length: workers }, (_, i) => (next() % 100) * Math.max(1, i * skew));
      const selected = Math.max(
        1,
        counts.reduce((sum, count) => sum + count, 0),
      );
      partitions.balance(counts, selected);
      ends = balanced(ends, counts, selected, { n, ...table });
      assert.equal(
        partitions.blocks,
        ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1])),
        `n ${n}, ${workers} workers, turn ${turn}`,
      );
      assert.ok(Math.min(...partitions.blocks) >= table.total / (4 * workers));
      assert.is(partitions.range(workers - 1).end, n);
    }
  }
});

test.run();
