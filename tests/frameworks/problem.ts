/** A small problem for TensorFlow.js: is a point of the plane inside a ring? Other points for each worker. */
import * as tf from '@tensorflow/tfjs-core';
import { openDraws } from '../support/draws.ts';

/** Two layers, in records and lists; `unused` takes no part. */
export interface Net {
  readonly hidden: { readonly kernel: tf.Variable; readonly bias: tf.Variable };
  readonly out: readonly [tf.Variable, tf.Variable];
  readonly unused: tf.Variable;
}

const HIDDEN = 24;

/** The same numbers each time. */
export function openNet(): Net {
  const { normal } = openDraws(5);
  const drawn = (shape: number[], scale: number): tf.Variable =>
    tf.tidy(() =>
      tf.variable(
        tf.tensor(
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * normal()),
          shape,
        ),
      ),
    );
  return {
    hidden: { kernel: drawn([2, HIDDEN], 1), bias: drawn([HIDDEN], 0.5) },
    out: [drawn([HIDDEN, 1], 0.3), drawn([], 0)],
    unused: drawn([3], 1),
  };
}

/** Disposes of the variables. */
export function closeNet({ hidden, out, unused }: Net): void {
  tf.dispose([hidden.kernel, hidden.bias, ...out, unused]);
}

/** Points and on which side they are, -1 or 1. */
export interface Points {
  readonly at: tf.Tensor2D;
  readonly side: tf.Tensor2D;
}

export function openPoints(count: number, seed: number): Points {
  const { uniform } = openDraws(seed);
  const at = Float32Array.from({ length: 2 * count }, () => 4 * uniform() - 2);
  const side = Float32Array.from({ length: count }, (_, i) =>
    Math.hypot(at[2 * i], at[2 * i + 1]) < 1.5 ? 1 : -1,
  );
  return { at: tf.tensor2d(at, [count, 2]), side: tf.tensor2d(side, [count, 1]) };
}

/** What the net makes of points, one number each. */
function answers({ hidden, out: [kernel, bias] }: Net, at: tf.Tensor2D): tf.Tensor2D {
  const inside = tf.tanh(tf.add(tf.matMul(at, hidden.kernel as tf.Tensor as tf.Tensor2D), hidden.bias));
  return tf.add(tf.matMul(inside as tf.Tensor2D, kernel as tf.Tensor as tf.Tensor2D), bias);
}

/** Mean squared difference. */
export function lossOf(net: Net, { at, side }: Points): tf.Scalar {
  return tf.mean(tf.square(tf.sub(answers(net, at), side)));
}
