/** python/fewbits.py as a decoder of many packets at once. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const python = fileURLToPath(new URL('../../python', import.meta.url));

/** What stands in the place of a length where a packet was refused. */
const REFUSED = 0xffffffff;

/**
 * The bits of the vectors that packets stand for, of at most `most` elements each; undefined where one was refused with
 * a PacketError.
 * @throws Error where Python raises or warns of anything else
 */
export async function decodeInPython(
  interpreter: string,
  packets: readonly Uint8Array[],
  most: number,
): Promise<(Uint32Array | undefined)[]> {
  const folder = mkdtempSync(`${tmpdir()}/fewbits-`);
  writeFileSync(
    `${folder}/lengths`,
    Uint32Array.from(packets, ({ length }) => length),
  );
  writeFileSync(`${folder}/packets`, Buffer.concat(packets));
  const script = `
import sys; sys.path.insert(0, ${JSON.stringify(python)})
import numpy as np, warnings
import fewbits
warnings.simplefilter("error")
with open("packets", "rb") as file: packets = file.read()
at = 0
with open("decoded", "wb") as out:
    for length in np.fromfile("lengths", "<u4").tolist():
        try:
            y = fewbits.decompress(packets[at : at + length], max_elements=${most})
            out.write(np.uint32(y.size).astype("<u4").tobytes() + y.astype("<f4").tobytes())
        except fewbits.PacketError:
            out.write(b"\\xff\\xff\\xff\\xff")
        at += length
`;
  await promisify(execFile)(interpreter, ['-B', '-c', script], { cwd: folder });
  const words = new Uint32Array(new Uint8Array(readFileSync(`${folder}/decoded`)).buffer);
  rmSync(folder, { recursive: true });
  let at = 0;
  return packets.map(() => {
    const n = words[at++];
    return n === REFUSED ? undefined : words.slice(at, (at += n));
  });
}
