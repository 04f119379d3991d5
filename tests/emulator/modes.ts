/** The modes that have a name: each is a way of reading the specification, for a run of tests. */
import type { Mode } from './mode.ts';

export interface NamedMode {
  readonly name: string;
  /** What it stands for, for `--help` and the tables. */
  readonly about: string;
  readonly mode: Mode;
  /** Whether the specification allows it but no compiler or GPU that is known does it. */
  readonly specificationOnly?: boolean;
}

/** What every mode has beside its own freedoms: memory that nobody wrote, and an order that nobody chose. */
const HOSTILE: Mode = { garbage: true, bounds: 'elsewhere', order: 'random' };

export const MODES: readonly NamedMode[] = [
  { name: 'order', about: 'random order of workgroups and invocations', mode: HOSTILE },
  {
    name: 'backwards',
    about: 'descending order; accesses out of bounds are left out',
    mode: { ...HOSTILE, order: 'descending', bounds: 'none' },
  },
  { name: 'contraction', about: 'a * b + c rounded once', mode: { ...HOSTILE, contraction: true } },
  {
    name: 'factoring',
    about: 'a * b + a * c + d as a * (b + c) + d, rounded once, as Mesa for Intel and Adreno',
    mode: { ...HOSTILE, contraction: true, association: 'factor' },
  },
  {
    name: 'regrouping',
    about: '(v + x) + y as v + (x + y)',
    mode: { ...HOSTILE, association: 'regroup' },
    specificationOnly: true,
  },
  {
    name: 'accumulators',
    about: 'two accumulators in a loop that adds, as compilers that vectorise',
    mode: { ...HOSTILE, association: 'accumulators' },
    specificationOnly: true,
  },
  { name: 'flush', about: 'subnormals become +0', mode: { ...HOSTILE, flush: 'positive' } },
  { name: 'flush-negative', about: 'subnormals become -0', mode: { ...HOSTILE, flush: 'negative' } },
  { name: 'flush-sign', about: 'subnormals become zero of their sign', mode: { ...HOSTILE, flush: 'sign' } },
  {
    name: 'flush-random',
    about: 'subnormals become either zero or stay, at random',
    mode: { ...HOSTILE, flush: 'random' },
  },
  {
    name: 'flush-bits',
    about: 'subnormals become zero of their sign in bitcasts, too',
    mode: { ...HOSTILE, flush: 'sign', flushBits: true },
  },
  {
    name: 'negative-zero',
    about: 'every zero that an operation gives is -0',
    mode: { ...HOSTILE, zero: 'negative' },
  },
  { name: 'random-zero', about: 'the sign of zeros is random', mode: { ...HOSTILE, zero: 'random' } },
  {
    name: 'finite',
    about: 'any number in the place of infinity and NaN',
    mode: { ...HOSTILE, nonFinite: 'anything' },
  },
  {
    name: 'accuracy',
    about: 'division, roots and exponentials off by what is allowed',
    mode: { ...HOSTILE, accuracy: 'loose' },
  },
  ...[4, 8, 16, 32, 64, 128].map((subgroups) => ({
    name: `subgroups-${subgroups}`,
    about: `shaders for subgroups, of ${subgroups} invocations`,
    mode: { ...HOSTILE, subgroups },
  })),
  {
    name: 'everything',
    about: 'contraction, factoring, random flushing and random signs of zero, in subgroups of 16',
    mode: {
      ...HOSTILE,
      contraction: true,
      association: 'factor',
      flush: 'random',
      flushBits: true,
      zero: 'random',
      nonFinite: 'anything',
      accuracy: 'loose',
      subgroups: 16,
    },
  },
  {
    name: 'toward-zero',
    about: 'operations round toward zero',
    mode: { ...HOSTILE, rounding: 'zero' },
    specificationOnly: true,
  },
];

/** @throws RangeError where no mode has this name */
export function modeNamed(name: string): NamedMode {
  const found = MODES.find((mode) => mode.name === name);
  if (!found)
    throw new RangeError(`no mode "${name}": expected ${MODES.map((mode) => mode.name).join(', ')}`);
  return found;
}
