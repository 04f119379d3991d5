/** Which compressor each tensor of a layout gets: rules by name, the first that matches, and what small tensors are. */
import { requireBoolean, requireInteger, requireOptions, shown } from '../arguments.ts';
import { requireCompressor, type Compressor, type CompressorPart } from './compressor.ts';
import { MOST } from './count.ts';
import { float32 } from './float32.ts';

/** What the tensors get whose names match. */
export interface PlanRule {
  /** A tensor's name; with `*`, which stands for any letters, a pattern; or a regular expression, found anywhere. */
  readonly match: string | RegExp;
  readonly compressor: Compressor;
  /**
   * Whether tensors of this rule that follow each other in the layout are compressed as one vector: one selection, one
   * scale over all of them. Each is by itself if left out.
   */
  readonly together?: boolean;
}

export interface PlanOptions {
  /**
   * Whether small tensors, biases and normalisation are sent as float32 where no rule but `'*'` matches them; true if
   * left out.
   */
  readonly small?: boolean;
  /** Tensors of fewer elements are small, whatever they are; 256, 1 KiB, if left out. */
  readonly tiny?: number;
}

/**
 * Where named tensors lie in a vector, end to end: `layoutOf` of `fewbits/jax` and `fewbits/tfjs`, or the map that
 * `fewbits compress` writes beside the packet of a .safetensors file. Tensors with `bytes` are no part of the vector.
 */
export type TensorLayout =
  | {
      readonly leaves: readonly {
        readonly name: string;
        readonly shape?: readonly number[];
        readonly offset: number;
        readonly length: number;
      }[];
    }
  | {
      readonly tensors: readonly (
        | {
            readonly name: string;
            readonly shape?: readonly number[];
            readonly first: number;
            readonly count: number;
          }
        | { readonly name: string; readonly bytes: unknown }
      )[];
    };

/** A tensor of the vector. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[] | undefined;
  readonly first: number;
  readonly n: number;
}

/** 128 KiB: vectors of fewer elements are biases or normalisation, whatever they are called. */
const SHORT = 2 ** 15;

/** Names of biases, and of the parameters and averages of normalisation. */
const SMALL_NAMES = /bias|norm|beta|gamma|(moving|running)_|(^|[^a-z])(bn|ln)\d*([^a-z]|$)/i;

/** The most parts of a packet. */
export const MOST_PARTS = 0xffff;

/**
 * The parts of a layout's vector, each with its compressor.
 * @throws TypeError or RangeError where rules, layout or options are none; where nothing matches a tensor, or its
 *   compressor does not fit it: it is named
 */
export function partsOf(
  rules: readonly PlanRule[],
  layout: TensorLayout,
  options: PlanOptions = {},
): CompressorPart[] {
  const parts: (CompressorPart & Chosen)[] = [];
  for (const chosen of choicesOf(rules, layout, options)) {
    const before = parts.at(-1);
    const { name, n } = chosen;
    if (before !== undefined && joins(before, chosen))
      parts[parts.length - 1] = { ...before, names: [...before.names, name], n: before.n + n };
    else parts.push({ ...chosen, names: [name] });
  }
  if (parts.length > MOST_PARTS)
    throw new RangeError(`"layout" expected at most ${MOST_PARTS} parts, got ${parts.length}`);
  return parts.map(({ names, first, n, compressor }) => {
    requireFit(names, n, compressor);
    return Object.freeze({ names: Object.freeze(names), first, n, compressor });
  });
}

/**
 * The tensors of a layout that have elements, and what each gets.
 * @throws TypeError or RangeError where rules, layout or options are none, or nothing matches a tensor
 */
export function choicesOf(
  rules: readonly PlanRule[],
  layout: TensorLayout,
  options: PlanOptions = {},
): (Tensor & Chosen)[] {
  const sorted = requireRules(rules);
  requireOptions('plan', options, ['small', 'tiny']);
  const { small = true, tiny = 256 } = options;
  requireBoolean('small', small);
  requireInteger('tiny', tiny, 0, MOST);
  const asIs: Chosen = { compressor: float32(), together: true, rule: -1 };
  return tensorsOf(layout)
    .filter(({ n }) => n > 0)
    .map((tensor) => {
      const rule = sorted.findIndex(({ matches }) => matches(tensor.name));
      if (small && (rule < 0 || sorted[rule].general) && isSmall(tensor, tiny)) return { ...tensor, ...asIs };
      if (rule < 0)
        throw new RangeError(`no rule of the plan matches the tensor ${shown(tensor.name)}; '*' matches all`);
      const { compressor, together } = sorted[rule];
      return { ...tensor, compressor, together, rule };
    });
}

/** What a tensor gets. */
interface Chosen {
  readonly compressor: Compressor;
  readonly together: boolean;
  /** By which rule; -1 of a small one, which is sent as it is. */
  readonly rule: number;
}

/** Whether a tensor is compressed with those before it. Of what is sent as it is, that changes nothing but the size. */
function joins(before: Chosen, next: Chosen): boolean {
  if (before.compressor.name === 'float32' && next.compressor.name === 'float32') return true;
  return next.together && before.rule === next.rule;
}

interface Rule {
  readonly matches: (name: string) => boolean;
  readonly compressor: Compressor;
  readonly together: boolean;
  /** Whether it is for what is left, `'*'`. */
  readonly general: boolean;
}

function requireRules(rules: unknown): Rule[] {
  if (!Array.isArray(rules)) throw new TypeError(`"rules" expected a list of rules, got ${shown(rules)}`);
  return rules.map((rule: unknown, i) => {
    const at = `rules[${i}]`;
    if (Object.prototype.toString.call(rule) !== '[object Object]')
      throw new TypeError(`"${at}" expected { match, compressor }, got ${shown(rule)}`);
    requireOptions(at, rule, ['match', 'compressor', 'together']);
    const { match, compressor, together = false } = rule as PlanRule;
    requireCompressor(`${at}.compressor`, compressor);
    if (compressor.parts !== undefined)
      throw new RangeError(`"${at}.compressor" expected a compressor of one vector, got a plan`);
    requireBoolean(`${at}.together`, together);
    return { matches: matcher(`${at}.match`, match), compressor, together, general: match === '*' };
  });
}

/** @throws TypeError unless `match` is a text or a regular expression */
function matcher(name: string, match: unknown): (tensor: string) => boolean {
  if (Object.prototype.toString.call(match) === '[object RegExp]') {
    const { source, flags } = match as RegExp;
    // these two would have it remember where it found the last one
    const expression = new RegExp(source, flags.replace(/[gy]/g, ''));
    return (tensor) => expression.test(tensor);
  }
  if (typeof match !== 'string')
    throw new TypeError(`"${name}" expected a name, a pattern with * or a RegExp, got ${shown(match)}`);
  const pieces = match.split('*');
  if (pieces.length === 1) return (tensor) => tensor === match;
  return (tensor) => fits(pieces, tensor);
}

/** Whether a name is these pieces with anything between them: the first found place of each is the best. */
function fits(pieces: readonly string[], name: string): boolean {
  const [first, last] = [pieces[0], pieces[pieces.length - 1]];
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** Whether a tensor is tiny, or one of those of a layer that are short beside its weights. */
function isSmall({ name, shape, n }: Tensor, tiny: number): boolean {
  if (n < tiny) return true;
  const isVector = shape === undefined || shape.filter((size) => size > 1).length <= 1;
  return isVector && ((shape !== undefined && n < SHORT) || SMALL_NAMES.test(name));
}

/** @throws RangeError that names the tensors where the compressor does not fit them, k > n for example */
export function requireFit(names: readonly string[], n: number, compressor: Compressor): void {
  try {
    compressor.parameters?.(n);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const more = names.length > 1 ? ` and the ${names.length - 1} that follow it` : '';
    throw new RangeError(`${compressor.name} of the tensor ${shown(names[0])}${more}: ${error.message}`, {
      cause: error,
    });
  }
}

/** @throws TypeError or RangeError unless the layout is one of tensors that lie end to end */
export function tensorsOf(layout: unknown): Tensor[] {
  const { leaves, tensors } = (layout ?? {}) as { leaves?: unknown; tensors?: unknown };
  const list = leaves ?? tensors;
  if (!Array.isArray(list))
    throw new TypeError(
      `"layout" expected { leaves } of layoutOf or { tensors } of a map, got ${shown(layout)}`,
    );
  const found: Tensor[] = [];
  let next = 0;
  const names = new Set<string>();
  for (const entry of list as Record<string, unknown>[]) {
    if (entry === null || typeof entry !== 'object' || typeof entry.name !== 'string')
      throw new TypeError(`"layout" expected tensors with a name, got ${shown(entry)}`);
    const { name } = entry;
    if (names.has(name)) throw new RangeError(`"layout" has two tensors called ${shown(name)}`);
    names.add(name);
    if (leaves === undefined && 'bytes' in entry) continue;
    const [at, length] = leaves === undefined ? [entry.first, entry.count] : [entry.offset, entry.length];
    const what = `layout: ${name}`;
    const n = requireInteger(`${what}: elements`, length, 0, MOST - next);
    requireInteger(`${what}: first element`, at, next, next);
    const shape = entry.shape === undefined ? undefined : (entry.shape as readonly number[]);
    if (shape !== undefined && !Array.isArray(shape))
      throw new TypeError(`"${what}" expected a shape that is a list, got ${shown(shape)}`);
    found.push({ name, shape, first: next, n });
    next += n;
  }
  return found;
}
