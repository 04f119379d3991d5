/** Packed codes, bit by bit: code i takes bits i * width to i * width + width - 1, lowest first. */

export function pack(codes: ArrayLike<number>, width: number): Uint32Array {
  const packed = new Uint32Array(Math.ceil((codes.length * width) / 32));
  for (let i = 0; i < codes.length; i++)
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      packed[at >>> 5] |= ((codes[i] >>> bit) & 1) << (at & 31);
    }
  return packed;
}

export function unpack(packed: Uint32Array, n: number, width: number): number[] {
  return Array.from({ length: n }, (_, i) => {
    let code = 0;
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      code += ((packed[at >>> 5] >>> (at & 31)) & 1) * 2 ** bit;
    }
    return code;
  });
}
