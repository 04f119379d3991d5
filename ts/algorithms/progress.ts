/**
 * Where a machine stands: what it keeps from step to step, and the step under way beside it. A step writes to data of
 * its own and ends by putting another state in place of the former one. So a step that is broken off has changed
 * nothing, a saved state is that between two steps, and the last step can be taken back until the next one begins.
 */
import type { Device } from '../device.ts';
import { requireScale } from '../kernels/accumulate.ts';
import { scale, type Kept } from './kept.ts';
import { move, resize, type Movable, type MovableSeat } from './seat.ts';
import { shared, stateful, type Vectors } from './state.ts';
import type { Seat, Server, StepReport, Worker } from './system.ts';

/** What all machines keep. */
export interface Numbered {
  /** Steps that are done: the number of the next one. */
  readonly step: number;
}

/** A state is never written to while it counts, nor are its vectors. `Step` is what a step has come to so far. */
export class Progress<State extends Numbered, Step = never> {
  #state: State;
  #step: Step | undefined;
  #former: { readonly state: State; readonly undo: () => void } | undefined;

  constructor(state: State) {
    this.#state = state;
  }

  /** What counts between steps. */
  get state(): State {
    return this.#state;
  }

  /** The step under way, if any. */
  get underWay(): Step | undefined {
    return this.#step;
  }

  /** @throws Error where no step is under way */
  get step(): Step {
    if (this.#step === undefined) throw new Error('receive was called before send or follow');
    return this.#step;
  }

  /**
   * A step begins: the one under way is forgotten, and there is no way back behind the last one any more, whose vectors
   * are free.
   */
  begin(): void {
    this.#step = undefined;
    this.#former = undefined;
  }

  /** The step under way has come to this. */
  put(step: Step): void {
    this.#step = step;
  }

  /** The step under way cannot go on: it has to be begun anew. */
  drop(): void {
    this.#step = undefined;
  }

  /** The step is done. `undo` takes back what it did outside of the state. */
  end(state: State, undo: () => void = () => {}): void {
    this.#former = { state: this.#state, undo };
    this.#state = state;
    this.#step = undefined;
  }

  /** As before the step that began last, whether it is done or not. */
  takeBack(): void {
    if (this.#former !== undefined) {
      this.#former.undo();
      this.#state = this.#former.state;
    }
    this.begin();
  }

  /** Goes on from another state. */
  goOnFrom(state: State): void {
    this.begin();
    this.#state = state;
  }
}

/** A state with the report of the last step. */
export interface Reported extends Numbered {
  readonly report: StepReport;
}

/** Whose progress it is, for the names of states: a system, with what of its settings states depend on, and a seat. */
export interface Owner<Where> {
  readonly system: string;
  readonly settings?: string;
  readonly seat: Where;
}

/**
 * What every worker does alike with its progress and its seat. `vectors` are those that are saved. `adopted` is called
 * where another state is adopted: it decides on the step under way, of which a message was taken or not; `again` where
 * that very step, or an earlier one, is next. `inCommon` has the names of vectors in memory, in the state, that all
 * workers share.
 */
export function keptByWorker<State extends Reported, Step>(
  device: Device,
  progress: Progress<State, Step>,
  { system, settings = '', seat }: Owner<MovableSeat>,
  vectors: () => Readonly<Record<string, Kept>>,
  adopted: (step: Step | undefined, how: { taken: boolean; again: boolean }) => Partial<State> = () => ({}),
  inCommon: readonly (keyof State & string)[] = [],
): Pick<Worker, 'save' | 'load' | 'share' | 'adopt' | 'takeBack' | 'reseat'> {
  let next: Pick<Numbered, 'step'> & Partial<State>;
  const numbers = (): { step: number } => ({ step: progress.state.step });
  const commonVectors = (): Vectors =>
    Object.fromEntries(inCommon.map((name) => [name, progress.state[name] as Float32Array]));
  return {
    takeBack: () => progress.takeBack(),
    reseat: (place) => move(seat, place),
    ...stateful(
      device,
      () => `${system}, worker ${seat.rank} of ${seat.workers}, ${seat.n} elements${settings}`,
      vectors,
      numbers,
      ({ step }, saved) => progress.goOnFrom({ ...progress.state, ...saved, step }),
      commonVectors,
    ),
    ...shared(
      () => `${system}, ${seat.workers} workers, ${seat.n} elements${settings}`,
      numbers,
      ({ step }, saved) => {
        next = { ...(saved as Partial<State>), step };
      },
      (taken) => {
        const { state, underWay } = progress;
        const own = adopted(underWay, { taken, again: next.step <= state.step });
        progress.goOnFrom({ ...state, ...own, ...next });
      },
      commonVectors,
    ),
  };
}

/**
 * Multiplies what is kept, between steps; there is no way back behind that.
 * @throws TypeError or RangeError unless the factor is a finite float32
 */
export async function scaleKept(
  device: Device,
  progress: { begin(): void },
  kept: Kept,
  factor: number,
): Promise<void> {
  requireScale('factor', factor);
  progress.begin();
  await scale(device, kept, factor);
}

/** What every server does alike with its progress. */
export function keptByServer<State extends Numbered>(
  device: Device,
  progress: Progress<State>,
  { system, settings = '', seat }: Owner<Movable<Omit<Seat, 'rank'>>>,
  vectors: () => Readonly<Record<string, Kept>>,
): Pick<Server, 'save' | 'load' | 'takeBack' | 'resize'> {
  return {
    takeBack: () => progress.takeBack(),
    resize: (workers) => resize(seat, workers),
    ...stateful(
      device,
      () => `${system}, server of ${seat.workers}, ${seat.n} elements${settings}`,
      vectors,
      () => ({ step: progress.state.step }),
      ({ step }) => progress.goOnFrom({ ...progress.state, step }),
    ),
  };
}
