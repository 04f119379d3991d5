/** Packing in plain TypeScript. */
import type { Implementations } from '../../kernels/catalogue.ts';
import type { Memory } from './memory.ts';

type Kernels = Implementations<Memory>;

export const packSigns: Kernels['packSigns'] = ({ x, bits }, { n }) => {
  bits.words.fill(0, 0, Math.ceil(n / 32));
  for (let i = 0; i < n; i++) if (x.words[i] > 0x80000000) bits.words[i >>> 5] |= 1 << (i & 31);
};

export const unpackSigns: Kernels['unpackSigns'] = ({ bits, scales, y }, { n, segment }) => {
  for (let i = 0; i < n; i++) {
    const sign = (bits.words[i >>> 5] >>> (i & 31)) << 31;
    y.words[i] = scales.words[Math.floor(i / segment)] ^ sign;
  }
};

export const packBits: Kernels['packBits'] = ({ codes, packed }, { n, width }) => {
  packed.words.fill(0, 0, Math.ceil((n * width) / 32));
  for (let i = 0; i < n; i++) {
    const code = codes.words[i] & (2 ** width - 1);
    const word = Math.floor((i * width) / 32);
    const at = (i * width) % 32;
    packed.words[word] |= code << at;
    if (at + width > 32) packed.words[word + 1] |= code >>> (32 - at);
  }
};

export const unpackBits: Kernels['unpackBits'] = ({ packed, codes }, { n, width }) => {
  for (let i = 0; i < n; i++) {
    const word = Math.floor((i * width) / 32);
    const at = (i * width) % 32;
    let code = packed.words[word] >>> at;
    if (at + width > 32) code |= packed.words[word + 1] << (32 - at);
    codes.words[i] = code & (2 ** width - 1);
  }
};
