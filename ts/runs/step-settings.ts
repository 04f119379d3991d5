/** What a server decides for a step, and sends with it, so that a schedule needs no restart. */
import { requireInteger, requireNumber, requireOneOf, requireOptions, shown } from '../arguments.ts';
import type { System } from '../algorithms/system.ts';
import { compressorOf, type Compressor, type NamedCompressor } from '../algorithms/named-compressor.ts';

/** What is left out is as each machine was given it. */
export interface StepSettings {
  /** Of the model. */
  readonly learningRate?: number;
  /** Of the model; where it was 0 before, the velocity begins anew. */
  readonly momentum?: number;
  /** Where the system takes models: steps that a worker trains its copy for, in `at.localSteps` of its gradient. */
  readonly localSteps?: number;
  /**
   * The workers' compressor, by its name and options: `{ name: 'topK', ratio: 0.01 }`. `system` is a function then,
   * which is given it. Errors that were kept stay.
   */
  readonly compressor?: NamedCompressor;
  /**
   * What becomes of errors that are kept of gradients when the learning rate changes. `kept`, if left out: they count
   * at the new rate, as in DoubleSqueeze (arXiv 1905.05957), which compensates gradients. `rescaled`: at the rate that
   * they were computed for, as in MEM-SGD (arXiv 1809.07599), which has the rate in them.
   */
  readonly errors?: 'kept' | 'rescaled';
}

/** What a system is made of that the server decides. */
export interface Decided {
  /** Undefined where the server leaves it to the machines. */
  readonly compressor: Compressor | undefined;
}

/** A system, or what makes one of what the server has decided. */
export type SystemOrOf = System | ((decided: Decided) => System);

const NAMES = ['learningRate', 'momentum', 'localSteps', 'compressor', 'errors'] as const;

/**
 * Settings from a server's user, or from the wire.
 * @throws TypeError or RangeError where one has an unknown name, or a value that it can not have
 */
export function requireStepSettings(settings: StepSettings): StepSettings {
  if (settings === null || typeof settings !== 'object')
    throw new TypeError(`settings expected an object, got ${shown(settings)}`);
  requireOptions('settings', settings, NAMES);
  const { learningRate, momentum, localSteps, compressor, errors } = settings;
  if (learningRate !== undefined)
    requireNumber('learningRate', learningRate, 'a finite number, 0 or above', (rate) => rate >= 0);
  if (momentum !== undefined)
    requireNumber('momentum', momentum, 'a number in 0..1, below 1', (mu) => mu >= 0 && mu < 1);
  if (localSteps !== undefined) requireInteger('localSteps', localSteps, 1, 2 ** 32 - 1);
  if (errors !== undefined) requireOneOf('errors', errors, ['kept', 'rescaled']);
  if (compressor !== undefined) {
    if (compressor === null || typeof compressor !== 'object')
      throw new TypeError(`"compressor" expected { name, ...options }, got ${shown(compressor)}`);
    compressorOf(compressor);
  }
  return settings;
}

/**
 * The system of these settings.
 * @throws TypeError where the server decides what a system is made of, and this one is made already, or has to make
 *   something else of it
 */
export function systemOf(system: SystemOrOf, settings: StepSettings = {}): System {
  const { compressor, localSteps } = settings;
  if (typeof system !== 'function' && compressor !== undefined)
    throw new TypeError(
      `"compressor": the system ${system.name} is made already; give "system" as a function of { compressor }`,
    );
  const made =
    typeof system === 'function'
      ? system({ compressor: compressor === undefined ? undefined : compressorOf(compressor) })
      : system;
  if (localSteps !== undefined && made.takes !== 'model')
    throw new TypeError(`"localSteps": the system ${made.name} takes gradients, not models`);
  return made;
}
