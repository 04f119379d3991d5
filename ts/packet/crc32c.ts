/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4): polynomial 0x1edc6f41, reflected, initial value and final XOR all ones.
 * Eight tables take eight bytes a step.
 */

const SLICES = 8;
/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

let tables: Uint32Array | undefined;

/** tables[s * 256 + b] = the CRC of byte b followed by s zero bytes. Made on first use, since nothing runs at import. */
function makeTables(): Uint32Array {
  const made = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) made[i] = (made[i - 256] >>> 8) ^ made[made[i - 256] & 255];
  return made;
}

/** The CRC-32C of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  const t = (tables ??= makeTables());
  let crc = -1;
  // bytes up to a whole word, then words by pairs, then what is left
  const start = Math.min(-bytes.byteOffset & 3, bytes.length);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + start, (bytes.length - start) >>> 2);
  let i = 0;
  for (; i < start; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  const pairs = words.length & ~1;
  for (let w = 0; w < pairs; w += 2) {
    const low = crc ^ words[w];
    const high = words[w + 1];
    crc =
      t[1792 + (low & 255)] ^
      t[1536 + ((low >>> 8) & 255)] ^
      t[1280 + ((low >>> 16) & 255)] ^
      t[1024 + (low >>> 24)] ^
      t[768 + (high & 255)] ^
      t[512 + ((high >>> 8) & 255)] ^
      t[256 + ((high >>> 16) & 255)] ^
      t[high >>> 24];
  }
  for (i += pairs * 4; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}
