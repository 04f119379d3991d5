/** Trees of TensorFlow.js tensors as vectors, on its cpu backend. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import * as tfjs from '../../ts/frameworks/tfjs.ts';
import { rejects, throws } from '../support/host.ts';
import { suite } from '../support/suite.ts';

const test = suite('fewbits/tfjs');
test.before(() => tf.setBackend('cpu').then(() => undefined));

const floats = (length: number, first = 0): Float32Array =>
  Float32Array.from({ length }, (_, i) => first + i + 0.5);

/** Runs `work`, and sees that it leaves as many tensors as there were. */
async function leavesNone(work: () => Promise<void>): Promise<void> {
  const before = tf.memory();
  await work();
  const after = tf.memory();
  assert.equal([after.numTensors, after.numDataBuffers], [before.numTensors, before.numDataBuffers]);
}

test('a tree becomes one vector, and tensors again; no tensor is left, and none is taken', () =>
  leavesNone(async () => {
    const tree = {
      w: [tf.tensor(floats(6), [2, 3]), tf.tidy(() => tf.variable(tf.tensor(floats(4, 10))))],
      none: tf.zeros([0, 3]),
      a: tf.scalar(-7.25),
    };
    const { numTensors } = tf.memory();
    const layout = tfjs.layoutOf(tree);
    assert.equal(
      layout.leaves.map(({ name, shape, offset }) => [name, shape, offset]),
      [
        ['a', [], 0],
        ['none', [0, 3], 1],
        ['w/0', [2, 3], 1],
        ['w/1', [4], 7],
      ],
    );
    const vector = await tfjs.flatten(tree, { layout });
    const expected = [-7.25, ...floats(6), ...floats(4, 10)];
    assert.equal([...vector], expected);
    const into = new Float32Array(11);
    assert.is(await tfjs.flatten(tree, { into }), into);
    assert.equal([...into], expected);
    assert.is(tf.memory().numTensors, numTensors);

    const back = tfjs.unflatten(vector, layout);
    vector.fill(NaN);
    assert.equal([...(await tfjs.flatten(back, { layout }))], expected);
    assert.equal([back.none.shape, back.a.shape, back.w[1].shape], [[0, 3], [], [4]]);
    assert.is(tf.memory().numTensors, numTensors + 4);
    tf.dispose([back.w, tree.w]);
    tf.dispose([back.a, back.none, tree.a, tree.none]);
  }));

test('a vector of one tensor is no view of it', () =>
  leavesNone(async () => {
    const one = tf.tensor(floats(3));
    const vector = await tfjs.flatten(one);
    vector.fill(0);
    assert.equal(await one.data(), floats(3));
    assert.equal(await tfjs.flatten([]), new Float32Array(0));
    assert.equal(tfjs.unflatten(new Float32Array(0), tfjs.layoutOf({ a: [] })), { a: [] });
    one.dispose();
  }));

test('variables are set to a vector', () =>
  leavesNone(async () => {
    const variables = tf.tidy(() => [tf.variable(tf.zeros([2, 2])), tf.variable(tf.scalar(0))]);
    const vector = floats(5);
    tfjs.assign(variables, vector);
    vector.fill(0);
    assert.equal(await tfjs.flatten(variables), floats(5));
    throws(() => tfjs.assign(variables, new Float32Array(4)), RangeError, '"vector.length" expected');
    throws(
      () => tfjs.assign([...variables, variables[0]], new Float32Array(9)),
      RangeError,
      '"2" expected a variable of its own, got that of "0"',
    );
    const fixed = tf.zeros([1]);
    throws(() => tfjs.assign({ fixed }, new Float32Array(1)), TypeError, '"fixed" expected a variable, got');
    tf.dispose([...variables, fixed]);
  }));

test('what is no tree of floats is refused by its name', () =>
  leavesNone(async () => {
    const [good, bad] = [tf.zeros([200]), tf.zeros([2], 'int32')];
    await rejects(
      tfjs.flatten({ good, layers: [bad] }),
      TypeError,
      '"layers/0" expected float32 or float16, got "int32"',
    );
    await rejects(
      tfjs.flatten({ good, b: 3 }),
      TypeError,
      '"b" expected a tensor, a list or a record, got 3',
    );
    await rejects(
      tfjs.flatten([good], { layout: tfjs.layoutOf({ good }) }),
      RangeError,
      'expected "good" as array 0',
    );
    await rejects(tfjs.flatten([good], { into: new Float32Array(2) }), RangeError, '"into.length" expected');
    throws(() => tfjs.flattenOnGpu([good]), TypeError, '"backend" expected webgpu, got cpu');
    throws(() => tfjs.openGpuVector(3), TypeError, '"backend" expected webgpu, got cpu');
    tf.dispose([good, bad]);
  }));

test.run();
