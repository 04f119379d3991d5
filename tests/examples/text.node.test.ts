/** The text of `npm start -- --task text`: its parts, its passages, and the transformer that reads them. */
import { numpy as np } from '@jax-js/jax';
import * as assert from 'uvu/assert';
import { layoutOf } from '../../examples/mnist/flat.ts';
import { chaptersOf } from '../../examples/text/kjv.ts';
import { logits, openModel, SHAPES } from '../../examples/text/model.ts';
import {
  CHARACTERS,
  CONTEXT,
  evenPassages,
  openPassages,
  splitChapters,
} from '../../examples/text/passages.ts';
import { suite } from '../support/suite.ts';

const test = suite('text');
const LENGTH = CONTEXT + 1;

test('verses become chapters, of which one in twenty is for the test and one to choose settings by', () => {
  const verses = { 'Genesis 1:1': 'In', 'Genesis 1:2': 'And', 'Genesis 2:1': 'Thus', '1 John 1:1': 'That' };
  assert.equal(chaptersOf(verses), ['In\nAnd', 'Thus', 'That']);
  const names = Array.from({ length: 40 }, (_, i) => String.fromCharCode(i < 26 ? 97 + i : 65 + i - 26));
  const { train, validation, test: held } = splitChapters(names);
  assert.equal([train.length, validation.length, held.length], [2 * 36 - 1, 3, 3]);
  // chapters 9 and 29, 19 and 39 of 40: j and D, t and N, with a line end between them
  const codes = splitChapters(['jD', 'tN', ...Array.from({ length: 18 }, () => '')]).train;
  assert.equal([...held], [codes[0], codes[2], codes[1]]);
  assert.equal([...validation], [codes[3], codes[2], codes[4]]);
  assert.throws(() => splitChapters(['naïve']), /the alphabet has no "ï"/);
});

test('passages by their number, and evenly over a text with each character named once', () => {
  const codes = Uint8Array.from({ length: 10 * CONTEXT + 1 }, (_, i) => i % 67);
  const batchOf = openPassages(codes, 1, 2, 3);
  assert.equal(batchOf(7), batchOf(7));
  assert.not.equal(batchOf(7), batchOf(8));
  assert.not.equal(batchOf(7), openPassages(codes, 2, 2, 3)(7));
  const { codes: passages } = batchOf(0);
  assert.is(passages.length, 3 * LENGTH);
  for (let i = 1; i < LENGTH; i++) assert.is(passages[i], (passages[0] + i) % 67);
  const all = evenPassages(codes, 100).codes;
  assert.is(all.length, 10 * LENGTH);
  const named = Array.from({ length: 10 }, (_, i) => [...all.subarray(i * LENGTH + 1, (i + 1) * LENGTH)]);
  assert.equal(named.flat(), [...codes.subarray(1)]);
  assert.equal([...evenPassages(codes, 2).codes.subarray(LENGTH)], [...all.subarray(5 * LENGTH, 6 * LENGTH)]);
});

test('the gradient is the slope of the loss', async () => {
  const model = await openModel();
  const parameters = model.initial(3);
  const codes = Uint8Array.from({ length: 2 * LENGTH }, (_, i) => (i * i) % 67);
  const gradient = new Float32Array(model.size);
  const loss = await model.gradient(parameters, { codes }, gradient);
  assert.ok(Math.abs((await model.bits(parameters, { codes })) * Math.LN2 - loss) < 1e-5);
  // along the gradient the loss changes by its length squared
  const square = gradient.reduce((sum, value) => sum + value * value, 0);
  const size = 0.01 / Math.sqrt(square);
  const [up, down] = await Promise.all(
    [size, -size].map((step) =>
      model.loss(
        parameters.map((value, i) => value + step * gradient[i]),
        { codes },
      ),
    ),
  );
  const slope = (up - down) / (2 * size);
  assert.ok(Math.abs(slope / square - 1) < 0.01, `slope ${slope}, square of the gradient ${square}`);
});

test('a character is named by those before it alone', async () => {
  const model = await openModel();
  const weights = (): np.Array[] => layoutOf(SHAPES).upload(model.initial(3));
  const rows = async (codes: readonly number[]): Promise<Float32Array> => {
    const read = np.array(Float32Array.from(codes.flatMap(oneOf)), { shape: [CONTEXT, CHARACTERS] });
    return (await logits(weights(), read, 1).data()) as Float32Array;
  };
  const oneOf = (code: number): number[] => Array.from({ length: CHARACTERS }, (_, i) => Number(i === code));
  const codes = Array.from({ length: CONTEXT }, (_, i) => (i * 7) % CHARACTERS);
  const [one, other] = [await rows(codes), await rows(codes.with(40, 1))];
  const differ = codes.map((_, row) => {
    const [from, to] = [row * CHARACTERS, (row + 1) * CHARACTERS];
    return one.subarray(from, to).some((value, i) => value !== other[from + i]);
  });
  assert.equal(
    differ,
    codes.map((_, row) => row >= 40),
  );
});

test.run();
