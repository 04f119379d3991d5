/** Shares of the pictures by class. */
import * as assert from 'uvu/assert';
import { PIXELS, type Dataset } from '../../examples/mnist/mnist.ts';
import { sharesByClass } from '../../examples/mnist/shares.ts';
import { suite } from '../support/suite.ts';

const test = suite('shares of the pictures');

/** Pictures whose first number is their place. */
function pictures(count: number): Dataset {
  const images = new Float32Array(count * PIXELS);
  for (let i = 0; i < count; i++) images[i * PIXELS] = i;
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => (i * 7) % 10) };
}

/** The places of a share's pictures in the whole. */
const placesOf = ({ images, labels }: Dataset): number[] => [...labels.keys()].map((i) => images[i * PIXELS]);

test('each picture has one owner, who has two to five classes', () => {
  const all = pictures(1000);
  const sizes = new Set<number>();
  for (let seed = 0; seed < 20; seed++)
    for (const workers of [2, 4, 7, 16]) {
      const shares = sharesByClass(all, workers, seed);
      const places = shares.flatMap(placesOf);
      assert.is(places.length, 1000, `${workers} workers, seed ${seed}`);
      assert.is(new Set(places).size, 1000);
      for (const share of shares) {
        const classes = new Set(share.labels).size;
        assert.ok(classes >= 2 && classes <= 5, `${classes} classes`);
        placesOf(share).forEach((place, i) => assert.is(share.labels[i], all.labels[place]));
        sizes.add(share.labels.length);
      }
    }
  assert.ok(sizes.size > 100, `${sizes.size} sizes`);
});

test('they follow the seed', () => {
  const places = (seed: number): number[][] => sharesByClass(pictures(300), 4, seed).map(placesOf);
  assert.equal(places(1), places(1));
  assert.not.equal(places(1), places(2));
});

test('one worker has five classes at most', () => {
  const [share] = sharesByClass(pictures(300), 1, 3);
  assert.ok(new Set(share.labels).size <= 5);
});

test.run();
