/**
 * Seeded random numbers: a Weyl sequence whose every term is mixed by the finaliser of MurmurHash3. Small, the
 * same on every machine, and good enough to shuffle digits and to draw initial weights; nothing else.
 */

/** A source of random numbers that depends on its seed alone. */
export interface Random {
  /** A number drawn evenly from [0, 1). */
  uniform(): number;
  /** A number drawn from the normal distribution of mean 0 and deviation 1. */
  normal(): number;
  /** The integers 0 to `count` - 1 in random order. */
  permutation(count: number): Uint32Array;
}

/** 2^32 over the golden ratio: odd, so that the sequence visits every 32-bit number once before it repeats. */
const WEYL_STEP = 0x9e3779b9;

/**
 * Opens a source. Different `stream` numbers give unrelated sequences from one seed, so that what draws the
 * weights and what draws the batches cannot disturb each other.
 */
export function openRandom(seed: number, stream: number): Random {
  let state = mix(seed ^ mix(stream));

  function uniform(): number {
    state = (state + WEYL_STEP) >>> 0;
    return mix(state) / 2 ** 32;
  }

  function normal(): number {
    // Box and Muller's transform; 1 - u keeps the logarithm away from 0.
    return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  function permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  return { uniform, normal, permutation };
}

/** Scatters the bits of a 32-bit number over all its places; one to one. */
function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
