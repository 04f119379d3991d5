/** fewbits/jax over jax-js's backends on the CPU: what is laid out, what comes back, and whose the arrays are. */
import { init, numpy as np, tree as trees, type Device as JaxDevice } from '@jax-js/jax';
import * as assert from 'uvu/assert';
import * as jax from '../../ts/frameworks/jax.ts';
import { rejects, throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('fewbits/jax');
test.before(() => init('wasm', 'cpu').then(() => undefined));

const floats = (length: number, first = 0): Float32Array =>
  Float32Array.from({ length }, (_, i) => first + i + 0.5);

/** A tree with a list, a scalar, an array without elements and keys out of order. */
function mixed(device: JaxDevice): { w: np.Array[]; a: { scale: np.Array }; none: np.Array } {
  return {
    w: [np.array(floats(6), { shape: [2, 3], device }), np.array(floats(4, 10), { shape: [4], device })],
    none: np.zeros([0, 3], { device }),
    a: {
      scale: np.array(new Float32Array([-7.25]), { shape: [], device }),
    },
  };
}

for (const device of ['wasm', 'cpu'] as const) {
  test(`a tree on ${device} becomes one vector, in the order of names, and a tree again`, async () => {
    const tree = mixed(device);
    const layout = jax.layoutOf(tree);
    assert.equal(
      layout.leaves.map(({ name, shape, dtype, offset, length }) => [name, shape, dtype, offset, length]),
      [
        ['a/scale', [], 'float32', 0, 1],
        ['none', [0, 3], 'float32', 1, 0],
        ['w/0', [2, 3], 'float32', 1, 6],
        ['w/1', [4], 'float32', 7, 4],
      ],
    );
    assert.is(layout.length, 11);
    const kept = trees.leaves<np.Array>(tree).map((array) => array.ref);
    const vector = await jax.flatten(tree);
    for (const array of kept) assert.is(array.refCount, 1, 'the tree was used up');
    assert.equal([...vector], [-7.25, ...floats(6), ...floats(4, 10)]);
    assert.equal([...jax.sliceOf(layout, vector, 'w/1')], [...floats(4, 10)]);

    vector[0] = 1 / 3;
    const back = jax.unflatten(vector, layout, { device });
    vector.fill(NaN);
    assert.equal(Object.keys(back), ['w', 'none', 'a']);
    assert.equal(
      back.w.map(({ shape }) => shape),
      [[2, 3], [4]],
    );
    assert.equal([back.a.scale.dtype, back.a.scale.shape], ['float32', []]);
    assert.is(back.w[0].device, device);
    assert.equal(jax.layoutOf(back), layout);
    const again = await jax.flatten(back, { layout });
    assert.equal([...again], [Math.fround(1 / 3), ...floats(6), ...floats(4, 10)]);
    for (const array of kept) array.dispose();
  });
}

test('trees of no arrays, and of one', async () => {
  const none = jax.layoutOf({ a: [], b: {} });
  assert.equal([none.length, none.leaves], [0, []]);
  assert.equal(await jax.flatten({ a: [], b: {} }), new Float32Array(0));
  assert.equal(jax.unflatten(new Float32Array(0), none), { a: [], b: {} });
  const one = np.array(floats(3));
  const layout = jax.layoutOf(one);
  assert.is(layout.leaves[0].name, '');
  assert.equal(await jax.flatten(one, { into: new Float32Array(3) }), floats(3));
  assert.equal(await jax.unflatten(floats(3), layout).data(), floats(3));
});

test('what is no tree of floats is refused by its name, and stays the caller’s', async () => {
  const good = np.array(floats(200));
  const bad = np.array([1, 2], { dtype: np.int32 });
  const tree = { good, layers: [{ steps: bad }] };
  await rejects(jax.flatten(tree), TypeError, '"layers/0/steps" expected float32 or float16, got "int32"');
  await rejects(
    jax.flatten({ good, other: new Float32Array(3) }),
    TypeError,
    '"other" expected an array of jax-js, a list or a record, got a value of type Float32Array',
  );
  await rejects(jax.flatten(undefined), TypeError, '"tree" expected an array');
  await rejects(jax.flatten({ 'a/b': good, a: { b: good } }), RangeError, '"a/b" expected a name of its own');
  const layout = jax.layoutOf({ good });
  await rejects(jax.flatten([good], { layout }), RangeError, '"other" expected "good" as array 0, got "0"');
  await rejects(
    jax.flatten({ good }, { into: new Float32Array(199) }),
    RangeError,
    '"into.length" expected an integer in 200..200, got 199',
  );
  throws(() => jax.unflatten(new Float32Array(3), layout), RangeError, '"vector.length" expected');
  await rejects(jax.flattenOnGpu({ good }), TypeError, '"good" expected an array on webgpu, got one on wasm');
  assert.equal([good.refCount, bad.refCount], [1, 1]);
  trees.dispose(tree);
});

test.run();
