/** A worker's training over any transport: all that a transport has to bring is `carry`. */
import type { Device } from 'fewbits';
import { runStep } from 'fewbits/algorithms';
import type { Carry, Model, System } from 'fewbits/algorithms';

/** What is trained; the tasks of `fewbits/mqtt` are such. */
export interface Training {
  readonly system: System;
  readonly model: Model;
  readonly gradient: (
    model: Model,
    at: { readonly step: number; readonly rank: number; readonly workers: number },
  ) => Promise<Gradient> | Gradient;
}

/** Nothing where this worker leaves the step out. */
type Gradient = Float32Array | null | undefined;

/** A worker's place in a run. */
export interface Place {
  readonly rank: number;
  readonly workers: number;
  readonly steps: number;
}

/** Trains in step with all other workers; the model is changed where it lies. */
export async function trainOver(
  device: Device,
  { system, model, gradient }: Training,
  { rank, workers, steps }: Place,
  carry: Carry,
  onStep: (step: number) => void = () => {},
): Promise<void> {
  const machine = system.worker(device, { n: model.parameters.length, workers, rank });
  try {
    for (let step = 0; step < steps; step++) {
      // all wait for all here: a step that is left out adds zeros, or a model that has not changed
      const nothing = (): Float32Array =>
        system.takes === 'model' ? model.parameters.slice() : new Float32Array(model.parameters.length);
      const own = (await gradient(model, { step, rank, workers })) ?? nothing();
      await runStep(machine, own, model, carry);
      onStep(step + 1);
    }
  } finally {
    machine.free();
  }
}

/** Four bytes of a digest of the parameters, to see that two workers have the same. */
export async function digestOf(parameters: Float32Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new Float32Array(parameters));
  return [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
