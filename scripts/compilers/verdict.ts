/** Whether a compiler left a shader's float operations as they are written. */
import type { MachineCounts, SourceCounts } from './counts.ts';
import type { Expected } from './expected.ts';

/**
 * How a compiler's operations differ from the source's, each way as a few words. A loop may be unrolled, so a compiler
 * may have more of what the source has, and never less. Fused pairs are left out where `expected` accounts for all of
 * them.
 */
export function differences(source: SourceCounts, machine: MachineCounts, expected?: Expected): string[] {
  const found: string[] = [];
  const accounted = source.fused > 0 || (expected !== undefined && machine.fused % expected.pairs === 0);
  if (machine.fused > 0 && !accounted) found.push(`${machine.fused} fused`);
  const both = machine.fused + machine.mads;
  const [adds, multiplies] = [machine.adds + both, machine.multiplies + both];
  const wanted = { adds: source.adds + source.fused, multiplies: source.multiplies + source.fused };
  const doubles = source.doubles;
  if (adds < wanted.adds) found.push(`${wanted.adds - adds} adds missing`);
  if (multiplies < wanted.multiplies) found.push(`${wanted.multiplies - multiplies} multiplies missing`);
  const all = adds + multiplies - wanted.adds - wanted.multiplies;
  if (found.length === 0 && all < doubles) found.push(`${doubles - all} doublings missing`);
  if (adds > 0 && wanted.adds + doubles === 0) found.push(`${adds} adds that the source has not`);
  if (multiplies > 0 && wanted.multiplies + doubles === 0)
    found.push(`${multiplies} multiplies that the source has not`);
  for (const name of new Set(machine.others)) found.push(name);
  return found;
}
