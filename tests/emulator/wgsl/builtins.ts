/** Types of the functions that WGSL brings. */
import { BOOL, scalar, scalarOf, type Type, vector } from './types.ts';

/** Functions that work component by component and give the type of their first argument. */
const ALIKE = new Set([
  'abs',
  'ceil',
  'clamp',
  'countLeadingZeros',
  'countOneBits',
  'countTrailingZeros',
  'exp',
  'exp2',
  'firstLeadingBit',
  'firstTrailingBit',
  'floor',
  'fma',
  'fract',
  'inverseSqrt',
  'log',
  'log2',
  'max',
  'min',
  'reverseBits',
  'round',
  'saturate',
  'sign',
  'sqrt',
  'trunc',
]);

/** Functions that give another type. */
export const RESULTS: Readonly<Record<string, (of: Type) => Type>> = {
  all: () => BOOL,
  any: () => BOOL,
  dot: (of) => scalar(scalarOf(of)!),
};

/** The type of a call; undefined where the function is not supported. */
export function builtinType(name: string, args: readonly Type[]): Type | undefined {
  if (name in RESULTS) return RESULTS[name](args[0]);
  return ALIKE.has(name) || name === 'select' ? args[0] : undefined;
}

/** Types of the functions on subgroups; undefined: that of the first argument. */
export const SUBGROUP_TYPES: Readonly<Record<string, Type | undefined>> = {
  subgroupAdd: undefined,
  subgroupAll: BOOL,
  subgroupAnd: undefined,
  subgroupAny: BOOL,
  subgroupBallot: vector(4, 'u32'),
  subgroupBroadcast: undefined,
  subgroupBroadcastFirst: undefined,
  subgroupElect: BOOL,
  subgroupExclusiveAdd: undefined,
  subgroupExclusiveMul: undefined,
  subgroupInclusiveAdd: undefined,
  subgroupInclusiveMul: undefined,
  subgroupMax: undefined,
  subgroupMin: undefined,
  subgroupMul: undefined,
  subgroupOr: undefined,
  subgroupShuffle: undefined,
  subgroupShuffleDown: undefined,
  subgroupShuffleUp: undefined,
  subgroupShuffleXor: undefined,
  subgroupXor: undefined,
};
