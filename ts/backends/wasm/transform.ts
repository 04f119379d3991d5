/**
 * The Walsh-Hadamard transform of long blocks on several threads: the first stages part by part, then the others, three at
 * a time, the butterflies shared out. Each element sees the same stages in the same order as in one pass of the kernel.
 */
import { SHARED, type Place, type Workshop } from './workshop.ts';
import { PIECE } from './works.ts';

type Numbers = Readonly<Record<string, number>>;

/** Parts that each thread has to have, so that a slow one does not keep the others waiting for long. */
const PARTS_A_THREAD = 4;

/** Stages that one job does at most. */
const MOST_STAGES = 3;

/** fwht or flatten of x, in memory; false, and nothing done, where one thread does it as well. */
export function transformShared(
  shop: Workshop,
  name: 'fwht' | 'flatten',
  x: Place,
  y: number,
  { n, total, block, seed, step, stream, tiny, scale }: Numbers,
): boolean {
  const threads = shop.threadsFor(total);
  if (threads === 1 || block < SHARED || x.address === undefined) return false;
  const address = x.address;
  let part = block;
  while (total / part < threads * PARTS_A_THREAD && part >> MOST_STAGES >= PIECE) part >>= MOST_STAGES;
  const key = name === 'fwht' ? undefined : { seed, step, stream, tiny, scale };
  shop.scratch((take) => {
    const owns = shop.owns(total, shop.wasm.flipScratch(), take);
    const parts = { kind: 'transform', x: address, y, n, block: part, key, owns } as const;
    shop.run(parts, total / part, total);
  });
  for (let h = part; h < block;) {
    const stages = Math.min(MOST_STAGES, Math.log2(block / h));
    const count = PIECE >> stages;
    shop.run({ kind: 'butterflies', y, h, stages, count }, (total >> stages) / count, total);
    h <<= stages;
  }
  return true;
}
