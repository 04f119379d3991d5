/**
 * The golden runs: of every system, whose bytes are kept from one release to the next, 1, 2, 3 and 5 workers, and one
 * who follows.
 */
import type { Device } from '../../../ts/device.ts';
import { gradients, models } from './gradients.ts';
import { crewOf, device } from './play.ts';
import type { Named } from './systems.ts';
import { carry, digest, everything, type Party } from './transport.ts';

export const CREWS: readonly number[] = [1, 2, 3, 5];
const [N, STEPS] = [130, 12];

/** Whose messages a step is made of: all, all but one in turn, or one alone. */
function presentIn(step: number, workers: number): number[] {
  const all = Array.from({ length: workers }, (_, rank) => rank);
  if (workers === 1 || step % 3 === 0) return all;
  if (step % 3 === 1) return all.filter((rank) => rank !== step % workers);
  return [step % workers];
}

/** The digest of all that a run sends, receives, keeps and makes of the models. */
export async function digestOfRun(
  { system, momentum }: Named,
  workers: number,
  on: Device = device,
): Promise<string> {
  const { workers: crew, server } = crewOf(system, N, workers, on);
  const follower = system.worker(on, { n: N, workers, rank: workers });
  const party: Party = { workers: [...crew, follower], server, models: models(N, workers + 1, momentum) };
  const parts: (Uint8Array | Float32Array)[] = [];
  for (let step = 0; step < STEPS; step++) {
    const carried = await carry(party, gradients(N, workers, step), presentIn(step, workers));
    // what one who only follows says, nobody takes
    parts.push(...carried.sent.flatMap((messages) => messages.slice(0, workers)), ...carried.inboxes.flat());
    for (const outcome of carried.outcomes)
      if (outcome.kind === 'direction') parts.push(outcome.direction);
      else parts.push(new TextEncoder().encode(outcome.kind));
    parts.push(...(await everything(party)));
    for (const { report } of party.workers) parts.push(new TextEncoder().encode(JSON.stringify(report)));
  }
  for (const machine of [...crew, follower, server]) machine?.free();
  return digest(parts);
}
