/** The plans of all kernels, by name: what the webgpu backend runs. */
import type { Catalogue } from '../catalogue.ts';
import type { Kernel } from '../kernel.ts';
import { plans as accumulate } from './accumulate.ts';
import { plans as counts } from './counts.ts';
import { plans as blocks } from './blocks.ts';
import { plans as compact } from './compact.ts';
import { plans as compensate } from './compensate.ts';
import { plans as dither } from './dither.ts';
import { plans as entropy } from './entropy.ts';
import { plans as flatten } from './flatten.ts';
import { plans as fwht } from './fwht.ts';
import { plans as histogram } from './histogram.ts';
import { plans as levels } from './levels.ts';
import { plans as centroids } from './centroids.ts';
import { plans as pack } from './pack.ts';
import { plans as quantize } from './quantize.ts';
import { plans as random } from './random.ts';
import { plans as reduce } from './reduce.ts';
import { plans as scalars } from './scalars.ts';
import { plans as scan } from './scan.ts';
import { plans as select } from './select.ts';
import { plans as sparse } from './sparse.ts';
import type { PlanFor, Planned, PlanOf } from './plan.ts';

const plans: { readonly [Name in keyof Catalogue]: PlanFor<Catalogue[Name]> } = {
  ...accumulate,
  ...counts,
  ...blocks,
  ...compact,
  ...compensate,
  ...dither,
  ...entropy,
  ...flatten,
  ...fwht,
  ...histogram,
  ...levels,
  ...centroids,
  ...pack,
  ...quantize,
  ...random,
  ...reduce,
  ...scalars,
  ...scan,
  ...select,
  ...sparse,
};

/**
 * The passes that a GPU makes of a kernel.
 * @throws Error where the kernel is none of these
 */
export const planOf: PlanOf = (kernel, params, limits) => {
  if ('plan' in kernel) return (kernel as Planned<string, string>).plan(params, limits);
  const make = (plans as Readonly<Record<string, PlanFor<Kernel<string, string>> | undefined>>)[kernel.name];
  if (make === undefined) throw new Error(`the kernel "${kernel.name}" has no plan`);
  return make(params, limits, planOf);
};
