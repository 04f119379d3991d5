/** The plans of packing and unpacking (../pack.ts, wgsl/pack.wgsl). */
import type {
  addSignsKernel,
  packSignsKernel,
  unpackSignsKernel,
  packBitsKernel,
  unpackBitsKernel,
} from '../pack.ts';
import { ceilDiv } from '../kernel.ts';
import { type Limits, pass, type Plan, runs, type PlanFor } from './plan.ts';
import { around, part, segmentsOf, wordsAround } from './windows.ts';
import { TILE, UNPACK_TILE, packedWords } from '../pack.ts';

/** Windows start at a multiple of so many elements: their bits then start at a multiple of WINDOW_UNIT words. */
const UNIT = 2048;

function packSignsPlan({ n }: { n: number }, limits: Limits): Plan {
  const steps = runs(n, TILE, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const signs = part('bits', ceilDiv(count, 32), first / 32);
    return pass(
      'pack',
      'packSigns',
      ceilDiv(count, TILE),
      { x: part('x', count, first), signs },
      { n: count },
    );
  });
  return { scratch: {}, steps };
}

/** Passes that write y by its signs, or add to it. */
function signsPlan(
  entry: 'unpackSigns' | 'addSigns',
  { n, segment }: { n: number; segment: number },
  limits: Limits,
): Plan {
  // without scales a pass reads none, but must bind some
  const scalesOf = (first: number, count: number): [first: number, count: number] =>
    segment === 0 ? [0, 1] : segmentsOf(first, count, segment);
  const fits = (first: number, count: number): boolean =>
    Math.max(count, wordsAround(...scalesOf(first, count))) <= limits.bindingWords;
  const steps = runs(n, UNIT, fits).map(({ first, count }) => {
    const scales = around('scales', ...scalesOf(first, count));
    return pass(
      'pack',
      entry,
      ceilDiv(count, UNPACK_TILE),
      {
        signsIn: part('bits', ceilDiv(count, 32), first / 32),
        scales: scales.window,
        y: part('y', count, first),
      },
      { n: count, first, segment, scale: scales.window.first },
    );
  });
  return { scratch: {}, steps };
}

function packBitsPlan({ n, width }: { n: number; width: number }, limits: Limits): Plan {
  const steps = runs(n, TILE, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const packed = part('packed', packedWords(count, width), packedWords(first, width));
    return pass(
      'pack',
      'packBits',
      ceilDiv(count, TILE),
      { codes: part('codes', count, first), packed },
      { n: count, width },
    );
  });
  return { scratch: {}, steps };
}

function unpackBitsPlan({ n, width }: { n: number; width: number }, limits: Limits): Plan {
  const steps = runs(n, UNIT, (_, count) => count <= limits.bindingWords).map(({ first, count }) => {
    const packedIn = part('packed', packedWords(count, width), packedWords(first, width));
    const bindings = { packedIn, codesOut: part('codes', count, first) };
    return pass('pack', 'unpackBits', ceilDiv(count, UNPACK_TILE), bindings, { n: count, width });
  });
  return { scratch: {}, steps };
}

export const plans: {
  readonly packSigns: PlanFor<typeof packSignsKernel>;
  readonly unpackSigns: PlanFor<typeof unpackSignsKernel>;
  readonly addSigns: PlanFor<typeof addSignsKernel>;
  readonly packBits: PlanFor<typeof packBitsKernel>;
  readonly unpackBits: PlanFor<typeof unpackBitsKernel>;
} = {
  packSigns: packSignsPlan,
  unpackSigns: (params, limits) => signsPlan('unpackSigns', params, limits),
  addSigns: (params, limits) => signsPlan('addSigns', params, limits),
  packBits: packBitsPlan,
  unpackBits: unpackBitsPlan,
};
