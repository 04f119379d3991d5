/**
 * What a kernel is, to all backends: a name, the buffers and numbers it takes, and the passes a GPU makes of it.
 * The js and wasm backends look a kernel up by name in their own tables; the webgpu backend asks for its plan.
 *
 * A plan is data. It is made without a GPU, so that every rule about grids, windows and levels is tested without one.
 */
import type { shaders } from '../generated/wgsl.ts';

/** A kernel of the contract. `Buffers` and `Params` are the names that callers and all backends use. */
export interface Kernel<Buffers extends string, Params extends string> {
  readonly name: string;
  readonly buffers: readonly Buffers[];
  readonly params: readonly Params[];
  plan(params: Readonly<Record<Params, number>>, limits: Limits): Plan;
  /** The kernels that it is made of, where it has no definition but theirs; left out where it has one of its own. */
  parts?(params: Readonly<Record<Params, number>>): Parts;
}

/**
 * Kernels that run one after the other. What a kernel made of others leaves is what its parts leave, so a backend that
 * does nothing better runs these (ts/backends/parts.ts), while a GPU may do in one pass what they do in several.
 */
export interface Parts {
  /** Memory that the parts need between them: name to words. Contents are undefined at the start. */
  readonly scratch: Readonly<Record<string, number>>;
  readonly runs: readonly Part[];
}

/** One of them. `buffers` says which buffer of the whole, or scratch memory, stands behind each of its names. */
export interface Part {
  readonly kernel: Kernel<string, string>;
  readonly buffers: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, number>>;
}

/** A part, its names checked by the compiler against the kernel. */
export function partOf<Buffers extends string, Params extends string>(
  kernel: Kernel<Buffers, Params>,
  buffers: Readonly<Record<Buffers, string>>,
  params: Readonly<Record<Params, number>>,
): Part {
  return { kernel, buffers, params };
}

/** The passes of all parts: the plan of a kernel made of others, where a GPU has nothing better. */
export function planOfParts({ scratch, runs: parts }: Parts, limits: Limits): Plan {
  const all: Record<string, number> = { ...scratch };
  const steps = parts.flatMap(({ kernel, buffers, params }, i) => {
    const plan = kernel.plan(params, limits);
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

/** `a / b` rounded up. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}
