/** A form of a backend while it is compared with js. */
import type { Backend } from '../backends/backend.ts';
import { Device } from '../device.ts';
import type { Case } from './cases.ts';
import { input } from './data.ts';
import { gpuFacts } from './environment.ts';
import { Findings } from './findings.ts';
import { kernelThatDiffers } from './kernels.ts';
import {
  bytesOf,
  differenceOf,
  outcomeOf,
  said,
  type Difference,
  type Outcome,
  type Where,
} from './outcome.ts';
import type { BlamedKernel, VerifiedBackend } from './report.ts';
import { packetSum, sumOf } from './sums.ts';
import type { Target } from './targets.ts';

/** A compressor that fails so often in a row is not asked any further; a shader that a driver refuses stays refused. */
const MOST_FAILURES = 3;
/** A GPU is lost with the work that it was given, but one that goes away so often is left alone. */
const MOST_LOSSES = 3;
/** Compressors for which the kernel is looked for, and the most elements of a vector for that. */
const MOST_BLAMED = 5;
const MOST_BLAMED_ELEMENTS = 2 ** 21;

export class Candidate {
  readonly #target: Target;
  readonly #findings: Findings;
  /** What the form was like when it opened: a GPU that went away says no more of itself. */
  readonly #facts: Pick<VerifiedBackend, 'detail' | 'gpu'>;
  #backend: Backend;
  #device: Device;
  #milliseconds = 0;
  #cases = 0;
  #losses = 0;
  #gaveUp: string | undefined;
  /** Failures in a row, by compressor. */
  readonly #failures = new Map<string, number>();

  /** Takes the backend over, which `target` opened. */
  constructor(target: Target, backend: Backend) {
    const gpu = gpuFacts(backend);
    this.#target = target;
    this.#findings = new Findings(target.name);
    this.#facts = { detail: backend.detail, ...(gpu && { gpu }) };
    this.#backend = backend;
    this.#device = this.#deviceOn(backend);
  }

  get name(): string {
    return this.#target.name;
  }

  /** The first differences and failures. */
  get differences(): readonly Difference[] {
    return this.#findings.all;
  }

  /**
   * Compresses and decompresses, and compares with what js made; js itself is compared with the golden checksums alone.
   * undefined where the compressor, or the form as a whole, was given up.
   */
  async compare(one: Case, x: Float32Array, expected?: Outcome): Promise<Outcome | undefined> {
    const failures = this.#failures.get(one.name) ?? 0;
    if (this.#gaveUp !== undefined || failures >= MOST_FAILURES) return undefined;
    const start = performance.now();
    const outcome = await outcomeOf(this.#device, one, x);
    this.#milliseconds += performance.now() - start;
    this.#cases++;
    const where = expected === undefined ? unlikeGolden(one, outcome) : differenceOf(expected, outcome);
    if (where !== undefined) this.#findings.record(one, where);
    this.#failures.set(one.name, where?.what === 'failure' ? failures + 1 : 0);
    if (this.#backend.lost) await this.#openAgain(one);
    return outcome;
  }

  /**
   * For each compressor whose bytes differ, the kernel that differs by itself, where there is one. What a replay throws
   * is recorded with the differences.
   */
  async blame(): Promise<BlamedKernel[]> {
    const found: BlamedKernel[] = [];
    for (const one of this.#findings.shortest.slice(0, MOST_BLAMED)) {
      if (one.n > MOST_BLAMED_ELEMENTS || this.#backend.lost) continue;
      try {
        const kernel = await kernelThatDiffers(this.#backend, one, input(one.kind, one.n, one.seed));
        if (kernel !== undefined) found.push({ target: this.name, compressor: one.name, ...kernel });
      } catch (cause) {
        this.#findings.recordReplay(one, said(cause));
      }
    }
    return found;
  }

  verified(): VerifiedBackend {
    const { name, backend } = this.#target;
    const { different, failed } = this.#findings;
    const gaveUp = this.#gaveUp ?? this.#givenUpCompressors();
    return {
      ...{ name, backend, opened: true, ...this.#facts },
      ...{ cases: this.#cases, different, failed, seconds: this.#milliseconds / 1000 },
      ...(gaveUp !== undefined && { gaveUp }),
    };
  }

  close(): void {
    this.#device.close();
  }

  #deviceOn(backend: Backend): Device {
    return new Device({ backend: this.#target.backend }, { backend, reasons: {} });
  }

  /** Another GPU device of the same form. The compressor that lost the first one is given up. */
  async #openAgain({ name }: Case): Promise<void> {
    this.#failures.set(name, MOST_FAILURES);
    if (++this.#losses === MOST_LOSSES) {
      this.#gaveUp = `given up: the GPU was lost ${MOST_LOSSES} times, last by ${name}`;
      return;
    }
    try {
      const backend = await this.#target.open();
      if (backend === undefined) throw new Error('there is none any more');
      this.#device.close();
      this.#backend = backend;
      this.#device = this.#deviceOn(backend);
    } catch (cause) {
      this.#gaveUp = `given up: the GPU was lost by ${name} and does not open again: ${said(cause)}`;
    }
  }

  #givenUpCompressors(): string | undefined {
    const names = [...this.#failures].filter(([, count]) => count >= MOST_FAILURES).map(([name]) => name);
    if (names.length === 0) return undefined;
    const few = names.slice(0, 3).join(', ') + (names.length > 3 ? ' and others' : '');
    return `given up: ${few}, ${names.length} of ${this.#failures.size} compressors`;
  }
}

/** Where the checksums of a golden packet are other ones than this release was published with. */
function unlikeGolden({ golden }: Case, { packet, vector, error }: Outcome): Where | undefined {
  if (golden === undefined) return undefined;
  if (packet === undefined || vector === undefined)
    return { what: 'failure', expected: 'a packet', got: said(error) };
  const sums = [
    ['packet', golden.packet, packetSum(packet)],
    ['vector', golden.vector, sumOf(bytesOf(vector))],
  ] as const;
  for (const [what, expected, got] of sums)
    if (got !== expected) return { what, expected: `CRC ${expected}`, got: `CRC ${got}` };
  return undefined;
}
