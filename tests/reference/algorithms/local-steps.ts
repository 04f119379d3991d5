/**
 * Local steps from their definition, in plain arithmetic: what a round's packets make of the common numbers, and what a
 * worker keeps. Packets are taken from what was sent.
 */
const { fround } = Math;

/** What a system was made with. */
export interface LocalSettings {
  readonly decay: number;
  readonly rate: number;
  readonly momentum: number;
  readonly average?: 'all' | 'senders';
  readonly clip?: 'median';
}

/** What a packet stands for, and which elements it carries; all where that is left out. */
export interface Decoded {
  readonly values: Float32Array;
  readonly carries?: (i: number) => boolean;
}

/** The model and its velocity. */
export interface Shared {
  readonly theta: Float32Array;
  readonly m: Float32Array;
}

/** acc of a worker. */
export function accumulated(
  error: Float32Array,
  theta: Float32Array,
  local: Float32Array,
  decay: number,
): Float32Array {
  return error.map((e, i) => fround(fround(fround(decay) * e) + fround(theta[i] - local[i])));
}

/** acc - what the packet decodes to. */
export function lost(acc: Float32Array, sent: Float32Array): Float32Array {
  return acc.map((value, i) => fround(value - sent[i]));
}

/** u of the packets, by rank. */
export function update(
  packets: readonly Decoded[],
  weights: readonly number[],
  { average, clip }: LocalSettings,
): Float32Array {
  const norms = packets.map(({ values }) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)));
  const median = [...norms].sort((a, b) => a - b)[Math.floor((norms.length - 1) / 2)];
  const total = weights.reduce((sum, w) => sum + w, 0);
  return packets[0].values.map((_, i) => {
    let [sum, share] = [0, 0];
    packets.forEach(({ values, carries }, r) => {
      if (!(carries?.(i) ?? true)) return;
      const s = clip === 'median' && norms[r] > 0 ? Math.min(1, median / norms[r]) : 1;
      sum += weights[r] * s * values[i];
      share += weights[r];
    });
    if (average !== 'senders') return sum / total;
    return share === 0 ? 0 : sum / share;
  });
}

/** The next model and velocity. */
export function stepped({ theta, m }: Shared, u: Float32Array, { rate, momentum }: LocalSettings): Shared {
  const mu = fround(momentum);
  const velocity = momentum > 0 ? m.map((value, i) => fround(fround(mu * value) + u[i])) : m;
  const d = momentum > 0 ? u.map((value, i) => fround(value + fround(mu * velocity[i]))) : u;
  return { theta: theta.map((value, i) => fround(value - fround(fround(rate) * d[i]))), m: velocity };
}
