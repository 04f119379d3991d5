/**
 * Plans: the passes that a GPU makes of a kernel, as data. A plan is made without a GPU, so that every rule about
 * grids, windows and levels is tested without one.
 */
import type { shaders } from '../../generated/wgsl.ts';
import type { Kernel, Parts } from '../kernel.ts';

/** What a GPU allows. Sizes in 32-bit words; every window a plan makes starts at a multiple of `WINDOW_UNIT` words. */
export interface Limits {
  /** The largest part of a buffer that one binding may show. */
  readonly bindingWords: number;
  /** The most workgroups in one dimension of a dispatch. */
  readonly gridWidth: number;
}

/** Binding offsets are multiples of 256 bytes on every adapter (the largest `minStorageBufferOffsetAlignment`). */
export const WINDOW_UNIT = 64;

/** A part of a buffer or of scratch memory, by name: `count` words from word `first` on. */
export interface Window {
  readonly of: string;
  readonly first: number;
  readonly count: number;
}

/** One dispatch. `bindings` says which buffer stands behind each name in the shader. */
export interface Pass {
  readonly shader: keyof Shaders;
  readonly entry: string;
  /** Workgroups; `grid` spreads them over two dimensions. */
  readonly groups: number;
  readonly bindings: Readonly<Record<string, string | Window>>;
  readonly uniforms: Readonly<Record<string, number>>;
}

/** Sets a buffer, or scratch memory, to zero. */
export interface Clear {
  readonly clear: string;
}

export interface Plan {
  /** Memory that the passes need between them: name to words. Contents are undefined at the start. */
  readonly scratch: Readonly<Record<string, number>>;
  readonly steps: readonly (Pass | Clear)[];
}

type Shaders = typeof shaders;
type Entry<S extends keyof Shaders, E extends keyof Shaders[S]['entries']> = Shaders[S]['entries'][E];

/**
 * A pass, checked by the compiler against the shader: the entry point exists, every binding it has is bound, every
 * uniform it reads is given, and nothing else is.
 */
export function pass<S extends keyof Shaders, E extends keyof Shaders[S]['entries'] & string>(
  shader: S,
  entry: E,
  groups: number,
  bindings: Readonly<Record<keyof Entry<S, E>['bindings' & keyof Entry<S, E>], string | Window>>,
  uniforms: Readonly<Record<keyof Entry<S, E>['uniforms' & keyof Entry<S, E>], number>>,
): Pass {
  return { shader, entry, groups, bindings, uniforms };
}

/**
 * The one place that knows the 65,535 rule: `groups` workgroups as a grid of two dimensions, at most `width` wide. The
 * grid may hold up to `height - 1` workgroups too many, so shaders number themselves by
 * `workgroup_id.y * num_workgroups.x + workgroup_id.x` and guard what they write.
 */
export function grid(groups: number, width: number): [number, number] {
  const height = Math.ceil(groups / width) || 1;
  return [Math.ceil(groups / height) || 1, height];
}

/**
 * Cuts `total` items into runs, each as long as fits: `words(first, count)` gives the words of the largest binding that
 * such a run needs. Every run but the last is a multiple of `unit` items long.
 */
export function runs(
  total: number,
  unit: number,
  fits: (first: number, count: number) => boolean,
): { first: number; count: number }[] {
  const found: { first: number; count: number }[] = [];
  let first = 0;
  while (first < total) {
    let count = total - first;
    while (count > unit && !fits(first, count)) count = Math.ceil(count / 2 / unit) * unit;
    if (!fits(first, count)) throw new RangeError(`no binding is large enough for ${unit} items`);
    found.push({ first, count });
    first += count;
  }
  return found;
}

/** The plan of any kernel, by its name. */
export type PlanOf = (
  kernel: Kernel<string, string>,
  params: Readonly<Record<string, number>>,
  limits: Limits,
) => Plan;

/** A kernel that brings a plan of its own. */
export interface Planned<Buffers extends string, Params extends string> extends Kernel<Buffers, Params> {
  plan(params: Readonly<Record<Params, number>>, limits: Limits): Plan;
}

/** How the plan of a kernel is made; `planOf` gives those of its parts, if it is made of others. */
export type PlanFor<K> =
  K extends Kernel<string, infer Params>
    ? (params: Readonly<Record<Params, number>>, limits: Limits, planOf: PlanOf) => Plan
    : never;

/** The passes of all parts: the plan of a kernel made of others, where a GPU has nothing better. */
export function planOfParts({ scratch, runs: parts }: Parts, limits: Limits, planOf: PlanOf): Plan {
  const all: Record<string, number> = { ...scratch };
  const steps = parts.flatMap(({ kernel, buffers, params }, i) => {
    const plan = planOf(kernel, params, limits);
    // scratch memory of a part has its number in front, so that two parts of a kind do not share it
    const nameOf = (name: string): string => buffers[name] ?? `${i + 1}.${name}`;
    for (const [name, words] of Object.entries(plan.scratch)) all[nameOf(name)] = words;
    return plan.steps.map((step) => renamed(step, nameOf));
  });
  return { scratch: all, steps };
}

function renamed(step: Pass | Clear, nameOf: (name: string) => string): Pass | Clear {
  if ('clear' in step) return { clear: nameOf(step.clear) };
  const bindings = Object.entries(step.bindings).map(([name, bound]) => [
    name,
    typeof bound === 'string' ? nameOf(bound) : { ...bound, of: nameOf(bound.of) },
  ]);
  return { ...step, bindings: Object.fromEntries(bindings) as Pass['bindings'] };
}
