/** A form of a backend while it is compared with js. */
import type { Backend } from '../backends/backend.ts';
import { Device } from '../device.ts';
import type { Case } from './cases.ts';
import { input } from './data.ts';
import { gpuFacts } from './environment.ts';
import { kernelThatDiffers } from './kernels.ts';
import { bytesOf, differenceOf, outcomeOf, type Difference, type Outcome } from './outcome.ts';
import type { BlamedKernel, VerifiedBackend } from './report.ts';
import { packetSum, sumOf } from './sums.ts';
import type { Target } from './targets.ts';

/** Differences that are spelled out, of each form. */
const MOST_DIFFERENCES = 20;
/** A form that fails so often in a row is not asked any further: a GPU that is gone stays away. */
const MOST_FAILURES = 10;
/** Compressors for which the kernel is looked for, and the most elements of a vector for that. */
const MOST_BLAMED = 5;
const MOST_BLAMED_ELEMENTS = 2 ** 21;

export class Candidate {
  readonly #target: Pick<Target, 'name' | 'backend'>;
  readonly #backend: Backend;
  readonly #device: Device;
  #milliseconds = 0;
  #cases = 0;
  #different = 0;
  #failuresInARow = 0;
  #gaveUp: string | undefined;
  readonly #differences: Difference[] = [];
  /** The shortest vector that differs, by compressor. */
  readonly #shortest = new Map<string, Case>();

  /** Takes the backend over. */
  constructor(target: Pick<Target, 'name' | 'backend'>, backend: Backend) {
    this.#target = target;
    this.#backend = backend;
    this.#device = new Device({ backend: target.backend }, { backend, reasons: {} });
  }

  get name(): string {
    return this.#target.name;
  }

  /** The first differences. */
  get differences(): readonly Difference[] {
    return this.#differences;
  }

  /**
   * Compresses and decompresses, and compares with what js made; js itself is compared with the golden checksums alone.
   */
  async compare(one: Case, x: Float32Array, expected?: Outcome): Promise<Outcome | undefined> {
    if (this.#gaveUp !== undefined) return undefined;
    const start = performance.now();
    const outcome = await outcomeOf(this.#device, one, x);
    this.#milliseconds += performance.now() - start;
    this.#cases++;
    const where = expected === undefined ? unlikeGolden(one, outcome) : differenceOf(expected, outcome);
    if (where !== undefined) this.#record(one, where);
    this.#failuresInARow = where?.what === 'error' ? this.#failuresInARow + 1 : 0;
    if (this.#failuresInARow === MOST_FAILURES)
      this.#gaveUp = `given up after ${MOST_FAILURES} failures in a row`;
    return outcome;
  }

  /** For each compressor that differs, the kernel that differs by itself, where there is one. */
  async blame(): Promise<BlamedKernel[]> {
    const found: BlamedKernel[] = [];
    if (this.#gaveUp !== undefined || this.#backend.lost) return found;
    for (const [compressor, one] of [...this.#shortest].slice(0, MOST_BLAMED)) {
      if (one.n > MOST_BLAMED_ELEMENTS) continue;
      const kernel = await kernelThatDiffers(this.#backend, one, input(one.kind, one.n, one.seed));
      if (kernel !== undefined) found.push({ target: this.name, compressor, ...kernel });
    }
    return found;
  }

  verified(): VerifiedBackend {
    const gpu = gpuFacts(this.#backend);
    return {
      ...this.#target,
      opened: true,
      detail: this.#backend.detail,
      ...(gpu && { gpu }),
      cases: this.#cases,
      different: this.#different,
      seconds: this.#milliseconds / 1000,
      ...(this.#gaveUp !== undefined && { gaveUp: this.#gaveUp }),
    };
  }

  close(): void {
    this.#device.close();
  }

  #record(one: Case, where: Omit<Difference, 'target' | 'compressor' | 'data' | 'n' | 'seed'>): void {
    const { name, kind, n, seed } = one;
    this.#different++;
    if (this.#differences.length < MOST_DIFFERENCES)
      this.#differences.push({ target: this.name, compressor: name, data: kind, n, seed, ...where });
    const shortest = this.#shortest.get(name);
    if (shortest === undefined || n < shortest.n) this.#shortest.set(name, one);
  }
}

/** Where the checksums of a golden packet are other ones than this release was published with. */
function unlikeGolden(
  { golden }: Case,
  { packet, vector, error }: Outcome,
): Pick<Difference, 'what' | 'expected' | 'got'> | undefined {
  if (golden === undefined) return undefined;
  if (packet === undefined || vector === undefined)
    return { what: 'error', expected: 'a packet', got: String(error) };
  const sums = [
    ['packet', golden.packet, packetSum(packet)],
    ['vector', golden.vector, sumOf(bytesOf(vector))],
  ] as const;
  for (const [what, expected, got] of sums)
    if (got !== expected) return { what, expected: `CRC ${expected}`, got: `CRC ${got}` };
  return undefined;
}
