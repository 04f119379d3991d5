/** Layouts by themselves: what two machines find out when they compare theirs. */
import * as assert from 'uvu/assert';
import { laidOut, requireSameLayout, sliceOf, type Unplaced } from '../../ts/frameworks/layout.ts';
import { takeApart, putTogether, type Kind } from '../../ts/frameworks/tree.ts';
import { throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('layouts');
const array = (name: string, ...shape: number[]): Unplaced => ({ name, shape, dtype: 'float32' });
const own = laidOut([array('bias', 10), array('kernel', 4, 10)]);

test('equal layouts are found equal, after a journey as JSON too', () => {
  requireSameLayout(own, own);
  requireSameLayout(own, JSON.parse(JSON.stringify(own)) as typeof own);
});

for (const [what, other, message] of [
  ['a missing array', [array('bias', 10)], '"other" expected "kernel" as array 1, got 1 arrays'],
  ['another name', [array('bias', 10), array('weight', 4, 10)], 'expected "kernel" as array 1, got "weight"'],
  ['another order', [array('kernel', 4, 10), array('bias', 10)], 'expected "bias" as array 0, got "kernel"'],
  [
    'another shape of as many elements',
    [array('bias', 10), array('kernel', 10, 4)],
    '"kernel" expected float32 [4, 10], got float32 [10, 4]',
  ],
  [
    'another type',
    [{ ...array('bias', 10), dtype: 'float16' }, array('kernel', 4, 10)],
    '"bias" expected float32 [10], got float16 [10]',
  ],
  [
    'one more',
    [array('bias', 10), array('kernel', 4, 10), array('scale')],
    '"other" expected 2 arrays, got "scale" beside them',
  ],
] as const)
  test(`layouts differ by ${what}`, () => {
    assert.throws(
      () => requireSameLayout(own, laidOut(other)),
      (error: Error) => {
        assert.instance(error, RangeError);
        assert.ok(error.message.includes(message), error.message);
        return true;
      },
    );
  });

test('what is no layout is refused', () => {
  throws(
    () => requireSameLayout(own, {} as typeof own),
    TypeError,
    '"other" expected a layout, got a value of type Object',
  );
  throws(() => laidOut([{ ...array('a'), dtype: 'int32' }]), TypeError, '"a" expected float32 or float16');
});

test('a slice is a view of its array', () => {
  const vector = Float32Array.from({ length: 50 }, (_, i) => i);
  const kernel = sliceOf(own, vector, 'kernel');
  assert.equal([kernel[0], kernel.length], [10, 40]);
  kernel[0] = -1;
  assert.is(vector[10], -1);
  throws(() => sliceOf(own, vector, 'scale'), RangeError, '"name" expected one of bias, kernel, got "scale"');
  throws(() => sliceOf(own, vector.subarray(1), 'bias'), RangeError, '"vector.length" expected');
});

test('the order of a tree is that of its names, whatever the order of making', () => {
  class Leaf {
    readonly dtype = 'float32';
    readonly shape: readonly number[];
    constructor(...shape: number[]) {
      this.shape = shape;
    }
  }
  const kind: Kind<Leaf> = { is: (value): value is Leaf => value instanceof Leaf, called: 'a leaf' };
  const [a, b, c] = [new Leaf(1), new Leaf(2), new Leaf(3)];
  const bare = Object.assign(Object.create(null) as object, { z: [c], B: b, a });
  const one = takeApart({ z: [c], a, B: b }, kind);
  const two = takeApart(bare, kind);
  assert.equal(
    one.layout.leaves.map(({ name }) => name),
    ['B', 'a', 'z/0'],
  );
  requireSameLayout(one.layout, two.layout);
  assert.equal(one.layout, two.layout);
  assert.equal(two.leaves, [b, a, c]);
  const again = putTogether(one.layout.structure, one.leaves) as object;
  assert.equal(again, { z: [c], a, B: b });
  assert.equal(Object.keys(again), ['z', 'a', 'B'], 'which is the order that frameworks pair leaves in');
  // lists of ten and more in the order of numbers
  const twelve = takeApart(
    Array.from({ length: 12 }, (_, i) => new Leaf(i)),
    kind,
  );
  assert.equal(
    twelve.layout.leaves.map(({ length }) => length),
    Array.from({ length: 12 }, (_, i) => i),
  );
});

test.run();
