/** Packing in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import { bitsOf } from '../../kernels/float-bits.ts';
import { flushed } from './accumulate.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

const ONE = bitsOf(1);

export const packSigns: Kernels['packSigns'] = ({ x, bits }, { n }) => {
  bits.words.fill(0, 0, Math.ceil(n / 32));
  for (let i = 0; i < n; i++) if (x.words[i] > 0x80000000) bits.words[i >>> 5] |= 1 << (i & 31);
};

/** The word of the scale of element i, its sign flipped where bit i is 1; the scale is 1 where segment is 0. */
function signed(bits: Memory, scales: Memory, i: number, segment: number): number {
  const scale = segment === 0 ? ONE : scales.words[Math.floor(i / segment)];
  return scale ^ ((bits.words[i >>> 5] >>> (i & 31)) << 31);
}

export const unpackSigns: Kernels['unpackSigns'] = ({ bits, scales, y }, { n, segment }) => {
  for (let i = 0; i < n; i++) y.words[i] = signed(bits, scales, i, segment);
};

export const addSigns: Kernels['addSigns'] = ({ bits, scales, y }, { n, segment }) => {
  for (let i = 0; i < n; i++) y.floats[i] = flushed(y.words[i]) + flushed(signed(bits, scales, i, segment));
};

/** ORs code i, of `width` bits, into packed words that were zero there. */
export function put(packed: Uint32Array, i: number, width: number, code: number): void {
  const word = Math.floor((i * width) / 32);
  const at = (i * width) % 32;
  packed[word] |= code << at;
  if (at + width > 32) packed[word + 1] |= code >>> (32 - at);
}

/** Code i, of `width` bits. */
export function get(packed: Uint32Array, i: number, width: number): number {
  const word = Math.floor((i * width) / 32);
  const at = (i * width) % 32;
  let code = packed[word] >>> at;
  if (at + width > 32) code |= packed[word + 1] << (32 - at);
  return code & (2 ** width - 1);
}

export const packBits: Kernels['packBits'] = ({ codes, packed }, { n, width }) => {
  packed.words.fill(0, 0, Math.ceil((n * width) / 32));
  for (let i = 0; i < n; i++) put(packed.words, i, width, codes.words[i] & (2 ** width - 1));
};

export const unpackBits: Kernels['unpackBits'] = ({ packed, codes }, { n, width }) => {
  for (let i = 0; i < n; i++) codes.words[i] = get(packed.words, i, width);
};
