/**
 * What all machines of a run must have in common, so that each trains the same model: the optimizer's constants, the
 * system, and what the system makes of a known gradient, which tells its options. The server says its own in the run's
 * description; a worker compares them with its own before it takes part.
 */
import type { Model, OnDevice, System } from '../algorithms/system.ts';
import { deliver, runStep } from '../algorithms/transport.ts';
import type { Device } from '../device.ts';
import { crc32 } from '../packet/crc32.ts';
import { firstChain } from './wire/record.ts';

export interface Settings {
  readonly learningRate: number;
  readonly momentum: number;
  /** The CRC-32 of the initial parameters. */
  readonly initial: number;
  /** The CRC-32 of what the system makes of a known gradient in its first steps; null where it can not be told. */
  readonly packet: number | null;
}

/** A worker whose settings are not those of its run. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code = 'FEWBITS_SETTINGS';

  /** The error that names differences with both values, where there are some. */
  static of(run: string, differences: readonly Difference[]): SettingsError | undefined {
    if (differences.length === 0) return undefined;
    const list = differences.map(
      ({ setting, run: its, worker }) => `${setting} ${its}, this worker's ${worker}`,
    );
    return new SettingsError(`this worker is not set up as the run ${run}: ${list.join('; ')}`);
  }
}

export interface Difference {
  readonly setting: string;
  readonly run: string | number;
  readonly worker: string | number;
}

/** The settings of this machine. */
export async function settingsOf(device: Device, system: System, model: Model): Promise<Settings> {
  const { learningRate, momentum, parameters } = model;
  const one = await packetSum(device, system, parameters.length);
  // a system of the user's may draw by chance
  const isKnown = one !== null && one === (await packetSum(device, system, parameters.length));
  return { learningRate, momentum, initial: firstChain(parameters), packet: isKnown ? one : null };
}

/**
 * Steps of the known gradient: what a first one is compressed to may not depend on all options yet, ExDyna's density
 * for one.
 */
const STEPS = 2;

/**
 * What a worker alone in its run sends of a known gradient, and what is answered: the same on all machines and
 * backends.
 */
async function packetSum(device: Device, system: System, n: number): Promise<number | null> {
  const opened: OnDevice[] = [];
  try {
    const gradient = probe(n);
    const model = {
      parameters: new Float32Array(n),
      velocity: new Float32Array(n),
      learningRate: 0,
      momentum: 0,
    };
    const worker = system.worker(device, { n, workers: 1, rank: 0 });
    opened.push(worker);
    const server = system.server?.(device, { n, workers: 1 });
    if (server !== undefined) opened.push(server);
    let sum = 0;
    for (let step = 0; step < STEPS; step++) {
      await runStep(worker, gradient, model, async (message) => {
        const [back] = await deliver([message], server);
        sum = crcOf(sum, crcOf(crc32(message.bytes), crc32(back)));
        return [back];
      });
    }
    return sum;
  } catch {
    // a system that does not work so says why when the run begins
    return null;
  } finally {
    for (const machine of opened) machine.free();
  }
}

/** The CRC-32 of two. */
function crcOf(one: number, other: number): number {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, one, true);
  view.setUint32(4, other, true);
  return crc32(bytes);
}

/** A gradient of many magnitudes and both signs, without ties. */
function probe(n: number): Float32Array {
  const gradient = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const word = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    const share = word / 2 ** 32 - 0.5;
    gradient[i] = share * share * share;
  }
  return gradient;
}

/** What differs between a run's settings and a worker's, but for the initial model, which is loaded. */
export function differencesOf(run: Partial<Settings>, worker: Settings): Difference[] {
  const differences: Difference[] = [];
  const compare = (setting: string, its: string | number | undefined, own: string | number): void => {
    if (its !== undefined && its !== own) differences.push({ setting, run: its, worker: own });
  };
  compare("the run's learning rate is", run.learningRate, worker.learningRate);
  compare("the run's momentum is", run.momentum, worker.momentum);
  if (typeof run.packet === 'number' && worker.packet !== null)
    compare(
      "the system's options differ: the CRC-32 of what the run's makes of a known gradient is",
      hexOf(run.packet),
      hexOf(worker.packet),
    );
  return differences;
}

/**
 * What of a model is the run's: all of it, or where the system takes models its parameters alone. There each worker
 * trains a copy by an optimizer of its own, and what that keeps is its own, too.
 */
export function commonModel(system: System, model: Model): Model {
  return system.takes === 'model' ? { ...model, momentum: 0 } : model;
}

/** A checksum as people read it. */
export function hexOf(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}

/** The CRC-32 of a model's parameters and, where there is momentum, of its velocity too. */
export function checksumOf({ parameters, velocity, momentum }: Model): number {
  const first = firstChain(parameters);
  return momentum > 0 ? crcOf(first, firstChain(velocity)) : first;
}
