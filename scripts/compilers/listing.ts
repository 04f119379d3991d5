/**
 * The listings of Mesa's compiler for AMD, ACO: of LLVM's disassembler (`v_mul_f32_e32 v2, v1, v3`), or, for GPUs that
 * this LLVM does not know, ACO's own form after its last pass (`v1: %20:v[3] = v_mul_f32 %12:v[1], %15:v[2]`).
 */
import type { MachineCounts } from './counts.ts';

/** A line of its own before each listing: `=== NAME`. */
const HEADING = /^=== (.+)$/;

/**
 * Names of instructions on float32 without what says where and how they are encoded: `add` of `v_add_f32_e32`,
 * `v_dual_add_f32`, `s_add_f32` and `v_pk_add_f32`. Conversions to float32 do not end so, and are left out.
 */
const NAMES = /\b[sv]_(dual_|pk_|s_)?(\w+?)_f32(?=_e32|_e64|_dpp|_sdwa|\b)/g;

/** What an instruction makes of its result on the way: a product with a power of two. */
const MODIFIER = /\b(?:mul:[24]|div:2)\b/;

/** The next float32 below 2^32, which the quotient of integers multiplies a reciprocal with. */
const QUOTIENT = /[sv]_mul_f32\w* .*\b0x4f7ffffe\b/;

const KINDS: Readonly<Record<string, 'adds' | 'multiplies' | 'fused' | 'mads'>> = {
  ...{ add: 'adds', sub: 'adds', subrev: 'adds', mul: 'multiplies' },
  ...{ fma: 'fused', fmac: 'fused', fmamk: 'fused', fmaak: 'fused' },
  ...{ mad: 'mads', mac: 'mads', madmk: 'mads', madak: 'mads' },
};

/** What rounds no result of the kernels: comparisons, conversions to integers, the larger of two, whole numbers. */
const HARMLESS =
  /^(?:cmpx?_\w+|cvt_\w+|(?:min|max|med)3?(?:_num)?|(?:maxmin|minmax)(?:_num)?|rndne|floor|ceil|trunc)$/;

/** The listings of an output, by their headings; what stands before the first heading is left out. */
export function listingsOf(output: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of output.split('\n')) {
    const name = HEADING.exec(line)?.[1];
    if (name !== undefined) found.set(name, (lines = []));
    else lines.push(line);
  }
  return found;
}

/** Counts the instructions of a listing. */
export function countInstructions(lines: readonly string[]): MachineCounts {
  const counts = { adds: 0, multiplies: 0, fused: 0, mads: 0, divisions: 0 };
  const others: string[] = [];
  for (const line of lines) {
    if (QUOTIENT.test(line)) {
      counts.divisions++;
      continue;
    }
    for (const [, packed, name] of line.matchAll(NAMES)) {
      if (name in KINDS) counts[KINDS[name]] += packed === 'pk_' ? 2 : 1;
      else if (!HARMLESS.test(name)) others.push(name);
    }
    if (MODIFIER.test(line)) counts.multiplies++;
  }
  return { ...counts, others: withoutReciprocals(others, counts.divisions) };
}

/** One reciprocal belongs to each quotient of integers. */
function withoutReciprocals(names: readonly string[], divisions: number): string[] {
  let left = divisions;
  return names.filter((name) => !((name === 'rcp' || name === 'rcp_iflag') && left-- > 0));
}
