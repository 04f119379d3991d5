/**
 * Fused passes: kernels that go through a vector tile by tile wait for each other, and go through it together. A tile
 * fits the cache: all stages of a pass work on it before the next, so that all of them together read memory once, and
 * what one leaves for the next is still there. A vector of the user's that is not in linear memory is copied there tile
 * by tile, never as a whole.
 */
import type { Executor, Operand } from './executor.ts';
import type { AnyKernel, TilePlan } from './kernels/kernel.ts';
import { TILE, tileAddress, tilesOf, type Args, type Instance, type TaskKind, type Tiles } from './task.ts';

/** What a stage's plan is made of, on any thread. */
interface Planned {
  readonly kernel: string;
  readonly args: Args;
  readonly streamed: Args;
  /** Where it writes the signs of what it adds up; undefined where it does not. */
  readonly signs: number | undefined;
}

/** A kernel of a fused pass, and what was set aside for it. */
interface Stage extends Planned {
  /** Where its input lies, undefined where that is the tiles, and the words that a tile has of it. */
  readonly at: number | undefined;
  readonly words: number;
  /** The local memory of each thread, and the memory that all fill together. */
  readonly locals: readonly number[];
  readonly shared: number;
}

/** A pass over the tiles of a vector: plain data, for any thread. */
export interface FusedPass {
  readonly tiles: Tiles;
  readonly stages: readonly Stage[];
}

/** Kernels by name. */
export type KernelTable = Readonly<Record<string, AnyKernel | undefined>>;

/** All stages of a pass at one tile. */
export function fusedPassOf(kernels: KernelTable): TaskKind<FusedPass> {
  return {
    name: 'fusedPass',
    bind(instance, { tiles, stages }) {
      const planned = stages.map((stage) => ({ ...stage, plan: planOf(stage, kernels, instance) }));
      return (tile, thread) => {
        const here = tileAddress(tiles, tile);
        for (const { plan, at, words, locals, shared } of planned) {
          const first = tile * words;
          const count = Math.min(words, plan.n - first);
          plan.tile(at === undefined ? here : at + first * 4, first, count, locals[thread], shared);
        }
      };
    },
  };
}

/** The plan of a stage: there is one, or the kernel would not wait. */
function planOf(
  { kernel, args, streamed, signs }: Planned,
  kernels: KernelTable,
  instance: Instance,
): TilePlan {
  const plan = kernels[kernel]!.tiled!(instance, args, streamed)!;
  return signs === undefined ? plan : plan.withSigns!(signs);
}

/** A kernel that waits: its plan, and how to make that anew on another thread. */
interface Waiting extends Planned {
  readonly plan: TilePlan;
  readonly input: Operand;
}

/** Kernels that wait to go through a vector together. */
interface Pass {
  readonly source: Operand;
  readonly n: number;
  readonly waiting: Waiting[];
  /** What is there tile by tile, in words a tile: the source, and outputs of stages. */
  readonly streamed: Map<Operand, number>;
  /** What stages leave only at the end. */
  readonly late: Set<Operand>;
  /** The first kernel as it runs whole. */
  readonly whole: () => void;
}

/** The pass that waits. */
export class Fusion {
  readonly #executor: Executor;
  readonly #kernels: KernelTable;
  readonly #fusedPass: TaskKind<FusedPass>;
  #pass: Pass | undefined;

  constructor(executor: Executor, kernels: KernelTable) {
    this.#executor = executor;
    this.#kernels = kernels;
    this.#fusedPass = fusedPassOf(kernels);
  }

  /**
   * Lets a kernel wait for others that go through the same vector, and does first what it needs done; false where it
   * cannot go tile by tile. `whole` runs it at once.
   */
  defer(kernel: string, operands: Readonly<Record<string, Operand>>, args: Args, whole: () => void): boolean {
    const tiled = this.#kernels[kernel]?.tiled;
    // with nobody to join, one tile is done at once
    if (tiled === undefined || (this.#pass === undefined && !(args.n > TILE))) return false;
    const streamed: Record<string, number> = {};
    for (const name in operands) {
      const words = this.#pass?.streamed.get(operands[name]);
      if (words !== undefined) streamed[name] = words;
    }
    const plan = tiled(this.#executor, args, streamed);
    if (plan === undefined) return false;
    const input = operands[plan.input];
    const others = Object.values(operands).filter((operand) => operand !== input);
    if (others.some(({ address }) => address === undefined)) return false;
    if (!this.#fits(plan, operands)) {
      this.flush();
      // lambdas go through what other stages leave, and are nothing by themselves
      if (plan.n <= TILE || streamed[plan.input] !== undefined) return false;
      const { n } = plan;
      const tiles = new Map([[input, TILE]]);
      this.#pass = { source: input, n, waiting: [], streamed: tiles, late: new Set(), whole };
    }
    const pass = this.#pass!;
    pass.waiting.push({ kernel, args, streamed, signs: undefined, plan, input });
    for (const name in operands) {
      if (name in plan.outputs) pass.streamed.set(operands[name], plan.outputs[name]);
      else if (!pass.streamed.has(operands[name])) pass.late.add(operands[name]);
    }
    return true;
  }

  /** Whether a kernel may join the pass: all that it reads is there in time, and it writes what no other stage has. */
  #fits(plan: TilePlan, operands: Readonly<Record<string, Operand>>): boolean {
    const pass = this.#pass;
    const words = pass?.streamed.get(operands[plan.input]);
    if (pass === undefined || words === undefined) return false;
    if (Math.ceil(plan.n / words) !== tilesOf(pass.n)) return false;
    return Object.entries(operands).every(
      ([name, operand]) => !pass.late.has(operand) && !(name in plan.outputs && pass.streamed.has(operand)),
    );
  }

  /** Does what waits. */
  flush(): void {
    const pass = this.#pass;
    this.#pass = undefined;
    if (pass === undefined) return;
    const inMemory = pass.source.address !== undefined;
    if (inMemory && pass.waiting.length === 1 && this.#executor.threadsFor(pass.n) === 1) pass.whole();
    else this.#run(pass);
  }

  /** Goes through the source with all stages. */
  #run({ source, n, waiting, streamed: words }: Pass): void {
    const executor = this.#executor;
    executor.withMemory((allocate) => {
      const tiles = executor.tiles(source, n, allocate);
      const plans: TilePlan[] = [];
      const stages = withSigns(waiting).map(({ kernel, args, streamed, signs, input }): Stage => {
        const stage = { kernel, args, streamed, signs };
        const plan = planOf(stage, this.#kernels, executor);
        plans.push(plan);
        return {
          ...stage,
          at: input.address,
          words: words.get(input) ?? TILE,
          locals: executor.locals(n, plan.local ?? 0, allocate),
          shared: allocate(plan.shared ?? 0),
        };
      });
      executor.runTiles(this.#fusedPass, { tiles, stages }, tiles, source.source);
      for (const [i, { locals, shared }] of stages.entries()) plans[i].finish?.(locals, shared);
    });
  }
}

/** Signs are written by a sum of the same vector on its way, where there is one that can. */
function withSigns(waiting: readonly Waiting[]): readonly Waiting[] {
  for (const own of waiting) {
    const { signs } = own.plan;
    const host = waiting.find(({ plan, input }) => input === own.input && plan.withSigns !== undefined);
    if (signs === undefined || host === undefined) continue;
    const both = { ...host, signs };
    return waiting.filter((stage) => stage !== own).map((stage) => (stage === host ? both : stage));
  }
  return waiting;
}
