/**
 * Fused passes: kernels that go through a vector tile by tile wait for each other, and go through it together. A tile
 * fits the cache: all stages of a pass work on it before the next, so that all of them together read memory once, and
 * what one leaves for the next is still there. So kernels that change a vector in place, the sum of many packets for
 * example, read and write it once. A vector of the user's that is not in linear memory is copied there tile by tile,
 * never as a whole.
 */
import type { Executor, Operand } from './executor.ts';
import type { AnyKernel, TilePlan } from './kernels/kernel.ts';
import { TILE, tileAddress, tilesOf, type Args, type Instance, type TaskKind, type Tiles } from './task.ts';

/** What a stage's tile plan is made of, on any thread. */
interface Planned {
  readonly kernel: string;
  readonly args: Args;
  /** Those of the same kernel that follow it, and go together with it. */
  readonly more: readonly Args[];
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

/** The tile plan of a stage: there is one, or the kernel would not wait. */
function planOf(
  { kernel, args, more, streamed, signs }: Planned,
  kernels: KernelTable,
  instance: Instance,
): TilePlan {
  if (more.length > 0) return kernels[kernel]!.together!(instance, [args, ...more]);
  const plan = kernels[kernel]!.tiled!(instance, args, streamed)!;
  return signs === undefined ? plan : plan.withSigns!(signs);
}

/** A kernel that waits: its tile plan, and how to make that anew on another thread. */
interface Waiting extends Planned {
  readonly operands: Readonly<Record<string, Operand>>;
  readonly plan: TilePlan;
  readonly input: Operand;
  /** The words that a tile has of it. */
  readonly words: number;
  /** How often earlier stages have changed the input. */
  readonly changes: number;
}

/** What stages do with a buffer. */
interface Use {
  /** The words that a tile has of it; 0 where it is read anywhere, or is there at the end alone. */
  readonly words: number;
  /** How many stages write it. */
  readonly writes: number;
}

/** Kernels that wait to go through a vector together. */
interface Pass {
  /** What the tiles are of: the one vector that is only lent, where there is one. */
  source: Operand;
  n: number;
  readonly waiting: Waiting[];
  readonly uses: Map<Operand, Use>;
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
    if (this.#kernels[kernel]?.tiled === undefined) return false;
    if (this.#pass !== undefined) {
      if (this.#join(this.#pass, kernel, operands, args)) return true;
      this.flush();
    }
    // with nobody to join, one tile is done at once
    if (!(args.n > TILE)) return false;
    const pass: Pass = { source: NOTHING, n: 0, waiting: [], uses: new Map(), whole };
    if (!this.#join(pass, kernel, operands, args)) return false;
    this.#pass = pass;
    return true;
  }

  /** Adds a kernel to a pass; false, and nothing done, where it cannot go tile by tile, or not with those before it. */
  #join(pass: Pass, kernel: string, operands: Readonly<Record<string, Operand>>, args: Args): boolean {
    const streamed: Record<string, number> = {};
    for (const name in operands) {
      const words = pass.uses.get(operands[name])?.words ?? 0;
      if (words > 0) streamed[name] = words;
    }
    const plan = this.#kernels[kernel]!.tiled!(this.#executor, args, streamed);
    if (plan === undefined) return false;
    const input = operands[plan.input];
    const words = streamed[plan.input] ?? TILE;
    const uses = usesOf(plan, operands, words);
    const streams = (operand: Operand, writes: number): boolean =>
      operand === input && (writes === 0 || operand.target !== undefined);
    if (uses.some(([operand, { writes }]) => operand.address === undefined && !streams(operand, writes)))
      return false;
    // a target is written back on the calling thread: what takes longer than that is shared in linear memory
    if (input.address === undefined && input.target !== undefined && plan.long === true)
      if (this.#executor.threadsFor(plan.n) > 1) return false;
    const lent = input.address === undefined;
    if (pass.waiting.length > 0) {
      if (Math.ceil(plan.n / words) !== tilesOf(pass.n) || !fits(pass.uses, uses)) return false;
      // tiles are copied of one vector, and as many elements as its first stage wants
      if (lent && (input === pass.source ? plan.n > pass.n : pass.source.address === undefined)) return false;
    }
    if (pass.waiting.length === 0 || (lent && input !== pass.source)) {
      pass.source = input;
      pass.n = plan.n;
    }
    const changes = pass.uses.get(input)?.writes ?? 0;
    const planned = { kernel, args, more: [], streamed, signs: undefined };
    pass.waiting.push({ ...planned, operands, plan, input, words, changes });
    for (const [operand, use] of uses) pass.uses.set(operand, both(pass.uses.get(operand), use));
    return true;
  }

  /** Does what waits, if that has to do with memory that another operation is about to change. */
  settle(operand: Operand): void {
    for (const other of this.#pass?.uses.keys() ?? []) if (overlap(operand, other)) return this.flush();
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
  #run({ source, n, waiting, uses }: Pass): void {
    const written = (uses.get(source)?.writes ?? 0) > 0;
    const quick = waiting.length < MANY && !waiting.some(({ plan }) => plan.long);
    // only the calling thread copies tiles back to the user's array
    const alone = source.address === undefined && (quick || written);
    const executor = alone ? this.#executor.alone : this.#executor;
    executor.withMemory((allocate) => {
      const tiles = executor.tiles(source, n, allocate);
      const plans: TilePlan[] = [];
      const merged = this.#together(withSigns(waiting));
      const stages = merged.map(({ kernel, args, more, streamed, signs, input, words }): Stage => {
        const stage = { kernel, args, more, streamed, signs };
        const plan = planOf(stage, this.#kernels, executor);
        plans.push(plan);
        return {
          ...stage,
          at: input.address,
          words,
          locals: executor.locals(n, plan.local ?? 0, allocate),
          shared: allocate(plan.shared ?? 0),
        };
      });
      executor.runTiles(this.#fusedPass, { tiles, stages }, tiles, source, written);
      for (const [i, { locals, shared }] of stages.entries()) plans[i].finish?.(locals, shared);
    });
  }

  /** Kernels that follow each other and change the same buffer, as one stage where they are faster together. */
  #together(waiting: readonly Waiting[]): Waiting[] {
    const found: Waiting[] = [];
    for (const stage of waiting) {
      const before = found.at(-1);
      const merged = before && this.#merged(before, stage);
      if (merged === undefined) found.push(stage);
      else found[found.length - 1] = merged;
    }
    return found;
  }

  #merged(before: Waiting, stage: Waiting): Waiting | undefined {
    const { kernel, args, more, operands } = before;
    const together = this.#kernels[kernel]?.together;
    if (kernel !== stage.kernel || together === undefined || args.n !== stage.args.n) return undefined;
    const lent = [operands, stage.operands].some((own) =>
      Object.values(own).some(({ address }) => address === undefined),
    );
    if (lent) return undefined;
    const all = [...more, stage.args];
    const plan = together(this.#executor, [args, ...all]);
    const input = operands[plan.input];
    if (input !== stage.operands[plan.input]) return undefined;
    return { ...before, more: all, plan, input, words: TILE };
  }
}

/** Stages that take longer than a copy of their tile, which is about as long as one. */
const MANY = 3;

/** The source of a pass before its first stage. */
const NOTHING: Operand = { address: undefined, source: undefined, words: 0 };

/** What a kernel does with each of its buffers; a tile has so many words of its input. */
function usesOf(
  plan: TilePlan,
  operands: Readonly<Record<string, Operand>>,
  words: number,
): [operand: Operand, use: Use][] {
  const { input, outputs, beside = {}, reads = [] } = plan;
  return Object.entries(operands).map(([name, operand]) => {
    if (name in outputs) return [operand, { words: outputs[name], writes: 1 }];
    if (name === input) return [operand, { words, writes: 0 }];
    if (name in beside) return [operand, { words: beside[name], writes: 0 }];
    return [operand, { words: 0, writes: reads.includes(name) ? 0 : 1 }];
  });
}

/** What two kernels, one after the other, do with a buffer. */
function both(before: Use | undefined, now: Use): Use {
  if (before === undefined) return now;
  return { words: before.words === now.words ? now.words : 0, writes: before.writes + now.writes };
}

/**
 * Whether a kernel may join those that use these buffers: memory that it shares with them is written by none of them,
 * or tile by tile by all, as the same words of the same buffer. Where they share no tiles, there is nothing to gain.
 */
function fits(before: ReadonlyMap<Operand, Use>, uses: readonly (readonly [Operand, Use])[]): boolean {
  let shares = false;
  for (const [operand, { words, writes }] of uses)
    for (const [other, known] of before) {
      if (!overlap(operand, other)) continue;
      const tiles = operand === other && words > 0 && words === known.words;
      if (!tiles && (writes > 0 || known.writes > 0)) return false;
      shares ||= tiles;
    }
  return shares;
}

/** Whether two buffers have memory in common. */
function overlap(a: Operand, b: Operand): boolean {
  if (a.address === undefined || b.address === undefined) return a === b;
  return a.address < b.address + b.words * 4 && b.address < a.address + a.words * 4;
}

/** Signs are written by a sum of the same vector on its way, where there is one that can. */
function withSigns(waiting: readonly Waiting[]): readonly Waiting[] {
  for (const own of waiting) {
    const { signs } = own.plan;
    const host = waiting.find(
      ({ plan, input, changes }) =>
        input === own.input && changes === own.changes && plan.withSigns !== undefined,
    );
    if (signs === undefined || host === undefined) continue;
    const merged = { ...host, signs };
    return waiting.filter((stage) => stage !== own).map((stage) => (stage === host ? merged : stage));
  }
  return waiting;
}
