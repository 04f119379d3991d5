/** Compares the bytes of every backend that opens here with those of js, and those of js with the golden packets. */
import { requireInteger, requireOptions } from '../arguments.ts';
import { openJs } from '../backends/js/index.ts';
import { version } from '../generated/version.ts';
import { Candidate } from './candidate.ts';
import { goldenCases, largeCases, quickCases, type Case } from './cases.ts';
import { input } from './data.ts';
import { runtimeHere } from './environment.ts';
import { isSame, sentenceOf, type VerifiedBackend, type VerifyReport } from './report.ts';
import { targetsHere, type Target } from './targets.ts';

export interface VerifyOptions {
  /** Draws the larger vectors; 1 if left out. An integer in 0..2^32 - 1. */
  readonly seed?: number;
  /**
   * Whether no vector has more than 65,537 elements, the larger ones of normal numbers or not finite: for software
   * GPUs.
   */
  readonly quick?: boolean;
  /** What is compared with js; all backends if left out, wasm and webgpu in each of their forms. */
  readonly targets?: readonly Target[];
  /** What is compressed; the golden packets' inputs, and larger vectors, if left out. */
  readonly cases?: readonly Case[];
  /** What is known of the machine, for the report: `{ cpu: '...' }`. */
  readonly machine?: Readonly<Record<string, string>>;
  /** Hears what is compared next, and how much is done, as a share of 1. */
  readonly onProgress?: (what: string, done: number) => void;
}

/**
 * Compresses, decompresses and accumulates on every backend that opens here, a GPU that computes on the CPU included,
 * and compares all bytes with those of js, on vectors of up to 4 million elements. A software GPU takes minutes;
 * `quick` is for that.
 *
 * @throws RangeError where the seed is no such integer; what a backend throws is part of the report
 */
export async function verify(options: VerifyOptions = {}): Promise<VerifyReport> {
  requireOptions('verify', options, ['seed', 'quick', 'targets', 'cases', 'machine', 'onProgress']);
  const { targets = targetsHere(), quick = false, onProgress } = options;
  const seed = requireInteger('seed', options.seed ?? 1, 0, 2 ** 32 - 1);
  const cases = options.cases ?? [...goldenCases(), ...(quick ? quickCases : largeCases)(seed)];
  onProgress?.('opening the backends', 0);
  const { opened, closed } = await openAll(targets);
  const js = new Candidate({ name: 'js', backend: 'js', open: () => Promise.resolve(openJs()) }, openJs());
  const all = [js, ...opened];
  try {
    await compareAll(js, opened, cases, onProgress);
    const kernels = [];
    for (const candidate of opened) kernels.push(...(await candidate.blame()));
    const backends = [...all.map((candidate) => candidate.verified()), ...closed];
    const differences = all.flatMap((candidate) => candidate.differences);
    return {
      ...{ version, runtime: runtimeHere(), machine: { ...options.machine }, seed },
      same: backends.every(isSame),
      sentence: sentenceOf({ backends, differences, kernels }),
      cases: cases.length,
      elements: cases.reduce((sum, { n }) => sum + n, 0),
      ...{ backends, differences, kernels },
    };
  } finally {
    for (const candidate of all) candidate.close();
  }
}

async function openAll(
  targets: readonly Target[],
): Promise<{ opened: Candidate[]; closed: VerifiedBackend[] }> {
  const opened: Candidate[] = [];
  const closed: VerifiedBackend[] = [];
  for (const target of targets)
    try {
      const found = await target.open();
      if (found !== undefined) opened.push(new Candidate(target, found));
    } catch (cause) {
      const { name, backend } = target;
      const detail = cause instanceof Error ? cause.message : String(cause);
      const none = { opened: false, cases: 0, different: 0, failed: 0, seconds: 0 };
      closed.push({ name, backend, detail, ...none });
    }
  return { opened, closed };
}

/** What a case costs beside its elements, in elements: calls of a GPU wait for each other. */
const CALL = 20_000;

async function compareAll(
  js: Candidate,
  others: readonly Candidate[],
  cases: readonly Case[],
  onProgress: VerifyOptions['onProgress'],
): Promise<void> {
  const total = cases.reduce((sum, { n }) => sum + n + CALL, 0);
  let done = 0;
  for (const one of cases) {
    const { name, kind, n, seed } = one;
    onProgress?.(`${name}, ${kind} data, ${n} elements`, done / total);
    const x = input(kind, n, seed);
    const expected = await js.compare(one, x);
    for (const candidate of others) if (expected !== undefined) await candidate.compare(one, x, expected);
    done += n + CALL;
  }
}
