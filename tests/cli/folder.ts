/** A folder for a suite, in which the built command runs, and the files that are put there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { writeNpy } from '../../ts/files/npy.ts';
import { type Outcome, runLine } from '../support/command.ts';
import type { Suite } from '../support/suite.ts';

export interface Folder {
  /** The path of a file in the folder. */
  readonly at: (name: string) => string;
  /** Runs `fewbits ARGS` in it. */
  readonly fewbits: (...args: string[]) => Promise<Outcome>;
  /** Puts a vector there as an .npy file. */
  readonly save: (name: string, x: Float32Array) => void;
}

/** A folder that is there while the suite runs. */
export function folderFor(test: Suite): Folder {
  let path = '';
  test.before(() => void (path = mkdtempSync(`${tmpdir()}/fewbits-`)));
  test.after(() => rmSync(path, { recursive: true }));
  return {
    at: (name) => `${path}/${name}`,
    fewbits: (...args) => runLine(path, args),
    save: (name, x) => writeFileSync(`${path}/${name}`, writeNpy(x)),
  };
}

/** An .npy file of any element type. */
export function npy(descr: string, shape: string, data: Uint8Array, fortran = 'False'): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`.padEnd(117) + '\n';
  return new Uint8Array([
    0x93,
    ...Buffer.from('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...Buffer.from(header),
    ...data,
  ]);
}
