/** How the training pictures are shared out among the workers. */
import { CLASSES, picked, type Dataset } from './mnist.ts';
import { openRandom } from './random.ts';

/** What --shares takes: all see all pictures; or each has those of a few classes, and of these not all. */
export const SHARES = ['equal', 'classes'] as const;

export type Shares = (typeof SHARES)[number];

/** Random stream of the shares. */
const STREAM = 6;

/** Classes that one worker has pictures of. */
const LEAST = 2;
const MOST = 5;

/**
 * Two to five classes for each worker, at random, but those first that nobody has yet; what nobody has then goes to
 * those who have fewest. The pictures of a class are dealt to those who have it in parts of random size: so workers
 * have different numbers of pictures, and each picture has one owner. One worker alone has five classes at most.
 *
 * @returns the pictures of each worker, by rank
 */
export function sharesByClass(dataset: Dataset, workers: number, seed: number): Dataset[] {
  const random = openRandom(seed, STREAM);
  const owners = Array.from({ length: CLASSES }, (): number[] => []);
  const places = Array.from({ length: workers }, (): number[] => []);
  for (let rank = 0; rank < workers; rank++) {
    const count = LEAST + Math.floor(random.uniform() * (MOST - LEAST + 1));
    const order = [...random.permutation(CLASSES)];
    const first = order.filter((digit) => owners[digit].length === 0);
    const others = order.filter((digit) => owners[digit].length > 0);
    for (const digit of [...first, ...others].slice(0, count)) owners[digit].push(rank);
  }
  for (const ranks of owners) {
    if (ranks.length > 0) continue;
    const held = places.map((_, rank) => owners.filter((others) => others.includes(rank)).length);
    const least = Math.min(...held);
    if (least < MOST) ranks.push(held.indexOf(least));
  }
  owners.forEach((ranks, digit) => {
    if (ranks.length === 0) return;
    // between one and three parts each
    const parts = ranks.map(() => 1 + 2 * random.uniform());
    const total = parts.reduce((sum, part) => sum + part, 0);
    const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part, 0) / total);
    const own = [...dataset.labels.keys()].filter((i) => dataset.labels[i] === digit);
    own.forEach((place, i) => {
      const owner = ends.findIndex((end) => (i + 0.5) / own.length < end);
      places[ranks[owner < 0 ? ranks.length - 1 : owner]].push(place);
    });
  });
  return places.map((own) => picked(dataset, own));
}
