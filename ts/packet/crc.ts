/**
 * Cyclic redundancy checks of 32 bits, reflected, by tables. Sixteen tables take sixteen bytes a step: lookups do not
 * wait for each other, steps do.
 */

const SLICES = 16;

/** tables[s * 256 + b] = the register after byte b, from zero, followed by s zero bytes. */
export type Tables = Int32Array;

/** The tables of a polynomial, given with its bits reversed. */
export function tablesOf(polynomial: number): Tables {
  const made = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) made[i] = (made[i - 256] >>> 8) ^ made[made[i - 256] & 255];
  return made;
}

/** The register after some bytes have passed it. */
export function passed(t: Tables, crc: number, bytes: Uint8Array): number {
  // bytes up to a whole word, then words, then what is left
  const start = Math.min(-bytes.byteOffset & 3, bytes.length);
  const count = (bytes.length - start) >>> 2;
  // none may start where fewer bytes than up to the next one are all there is
  const words = new Uint32Array(bytes.buffer, count > 0 ? bytes.byteOffset + start : 0, count);
  let i = 0;
  for (; i < start; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  crc = passedWords(t, crc, words, count);
  for (i += count * 4; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  return crc;
}

/** The register after the first `count` words have passed it: by fours, then one by one. */
export function passedWords(t: Tables, crc: number, words: Uint32Array, count: number): number {
  const fours = count & ~3;
  for (let w = 0; w < fours; w += 4) {
    const a = crc ^ words[w];
    const b = words[w + 1];
    const c = words[w + 2];
    const d = words[w + 3];
    crc =
      t[3840 + (a & 255)] ^
      t[3584 + ((a >>> 8) & 255)] ^
      t[3328 + ((a >>> 16) & 255)] ^
      t[3072 + (a >>> 24)] ^
      t[2816 + (b & 255)] ^
      t[2560 + ((b >>> 8) & 255)] ^
      t[2304 + ((b >>> 16) & 255)] ^
      t[2048 + (b >>> 24)] ^
      t[1792 + (c & 255)] ^
      t[1536 + ((c >>> 8) & 255)] ^
      t[1280 + ((c >>> 16) & 255)] ^
      t[1024 + (c >>> 24)] ^
      t[768 + (d & 255)] ^
      t[512 + ((d >>> 8) & 255)] ^
      t[256 + ((d >>> 16) & 255)] ^
      t[d >>> 24];
  }
  for (let w = fours; w < count; w++) {
    const a = crc ^ words[w];
    crc = t[768 + (a & 255)] ^ t[512 + ((a >>> 8) & 255)] ^ t[256 + ((a >>> 16) & 255)] ^ t[a >>> 24];
  }
  return crc;
}
