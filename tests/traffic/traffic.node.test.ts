/** The counts of `npm run traffic`, and what its check finds. */
import * as assert from 'uvu/assert';
import { throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';
import { tasksOf } from './count.ts';
import { compare, readFile, renderFile, type Row } from './figures.ts';

const N = 5000;
const ROW: Row = {
  ...{ task: 'a kernel, 1 %', n: N, least: 100, read: 90, written: 30, dispatches: 2, clears: 1 },
  ...{ workgroups: 7, barriers: 14, atomics: 3, sharedAtomics: 9 },
};

async function counted(name: string, change?: Parameters<typeof tasksOf>[1]): Promise<Row[]> {
  return tasksOf(N, change)
    .find((task) => task.name === name)!
    .count();
}

const test = suite('traffic');

test('a kernel of one pass reads each element once and writes each word once', async () => {
  const [{ read, written, least, dispatches, workgroups }] = await counted('packSigns');
  assert.equal([read, written, least], [N, 157, N + 157]);
  assert.equal([dispatches, workgroups], [1, 2]);
});

test('compress and decompress move the vector and the packet at least', async () => {
  const [compress, decompress] = await counted('scaledSign');
  assert.equal([compress.task, decompress.task], ['compress scaledSign', 'decompress scaledSign']);
  assert.ok(compress.least > N + 157 && compress.least < N + 157 + 16, `${compress.least}`);
  assert.is(decompress.least, compress.least);
  assert.ok(compress.read + compress.written >= compress.least - 16);
  assert.is(decompress.written, N);
});

test('a shader that reads more is found', async () => {
  /** packSigns, which also reads the element that `of` makes of the place of each. */
  const alsoReading = (of: (place: string) => string) => {
    const others = ['at.x', 'at.y', 'at.z', 'at.w'].map((place) => `x[${of(place)}]`).join(', ');
    const own = 'vec4u(x[at.x],x[at.y],x[at.z],x[at.w])';
    return (stem: string, source: string) => {
      if (stem !== 'pack') return source;
      assert.ok(source.includes(own));
      return source.replace(own, `${own} | (vec4u(${others}) & vec4u(0u))`);
    };
  };
  const before = await counted('packSigns');
  // a workgroup has its own words already
  assert.equal(
    await counted(
      'packSigns',
      alsoReading(() => 'base'),
    ),
    before,
  );
  const { problems } = compare(
    before,
    await counted(
      'packSigns',
      alsoReading((place) => `${place} / 2u`),
    ),
  );
  // the second workgroup, from 4096 on, reads elements 2048 to 2499 too
  assert.equal(problems, [`packSigns, n = ${N}: words read grew from ${N} to ${N + 452}`]);
});

test('the file gives back what was written, and says where its columns are others', () => {
  assert.equal(readFile(renderFile([ROW])), [ROW]);
  throws(() => readFile('task\tn\n'), Error, 'the columns of the figures are "task\tn"');
});

test('each figure that grew is named; less is passed, and counted', () => {
  assert.equal(compare([ROW], [ROW]), { passed: 8, problems: [], fewer: 0 });
  const now = { ...ROW, read: 91, barriers: 15, written: 10 };
  assert.equal(compare([ROW], [now]), {
    passed: 6,
    problems: [
      `a kernel, 1 %, n = ${N}: words read grew from 90 to 91`,
      `a kernel, 1 %, n = ${N}: barriers grew from 14 to 15`,
    ],
    fewer: 1,
  });
});

test('rows in the file alone, or not in it, are problems', () => {
  const other = { ...ROW, n: 1 };
  const { passed, problems } = compare([ROW], [other]);
  assert.is(passed, 0);
  assert.match(problems[0], /^a kernel, 1 %, n = 1: not in the file/);
  assert.match(problems[1], new RegExp(`^a kernel, 1 %, n = ${N}: in the file alone`));
});

test.run();
