/** Runs dispatches of compute shaders under a mode, one invocation after the other, and says what it found. */
import { compile, type Compiled } from './compile.ts';
import { Findings } from './findings.ts';
import { type Arithmetic, arithmetic } from './floats.ts';
import { Invocations } from './invocations.ts';
import { type Epochs, Memory, type Traffic, type Turn, View } from './memory.ts';
import { type Mode, randomWords } from './mode.ts';
import type { Asked, Barrier, Waiting } from './waiting.ts';
import type { EntryPoint, Global } from './wgsl/typed.ts';
import { wordsOf } from './wgsl/types.ts';

/** Words of a memory, from `first` on. */
export interface Binding {
  readonly memory: Memory;
  readonly first: number;
  readonly count: number;
}

export interface Dispatch {
  /** Names the shader in what is found. */
  readonly label: string;
  readonly source: string;
  readonly entry: string;
  /** Workgroups in each dimension. */
  readonly groups: readonly [number, number, number];
  /** By the names of the variables of storage memory. */
  readonly bindings: Readonly<Record<string, Binding>>;
  /** By the names of the members of the uniform struct. */
  readonly uniforms: Readonly<Record<string, number>>;
}

/** What a dispatch did. */
export interface Counts {
  readonly workgroups: number;
  readonly invocations: number;
  /** Barriers, of all workgroups. */
  readonly barriers: number;
  /** By binding. Words are counted where the emulator was made with `counts`. */
  readonly bindings: Readonly<Record<string, Traffic>>;
  /** Atomic operations on workgroup memory. */
  readonly workgroupAtomics: number;
}

/** A variable of workgroup memory. */
interface Shared {
  readonly name: string;
  readonly memory: Memory;
  readonly view: View;
}

type Builtin = (invocation: number, group: readonly number[], groups: readonly number[]) => unknown;

/** An entry point, with what its dispatches have in common. */
interface Prepared {
  readonly compiled: Compiled;
  readonly point: EntryPoint;
  readonly workgroup: readonly Shared[];
  readonly builtins: readonly Builtin[];
  /** Invocations of a workgroup. */
  readonly size: number;
}

/** Random words that memory is filled with, a part of them at a time. */
const POOL = 2 ** 16;

/** Memory that is kept to be used again: of so many words, so many of each length. */
const LARGEST_KEPT = 2 ** 16;
const MOST_KEPT = 8;

/** Random orders of so few are kept, several of each length; a prime, so that no power of two repeats them. */
const LONGEST_KEPT = 1024;
const ORDERS = 61;

export class Emulator {
  readonly mode: Mode;
  readonly findings: Findings = new Findings();
  readonly #arithmetic: Arithmetic;
  readonly #compiled = new Map<string, Compiled>();
  readonly #prepared = new Map<string, Map<string, Prepared>>();
  readonly #random: () => number;
  readonly #turn: Turn;
  readonly #storage: Epochs = { dispatch: 0, workgroup: 0, now: 0 };
  readonly #workgroup: Epochs = { dispatch: 0, workgroup: 0, now: 0 };
  readonly #pool: Uint32Array;
  readonly #free = new Map<number, Memory[]>();
  readonly #orders = new Map<number, Uint32Array[]>();
  readonly #asked: Asked = { value: 0, by: 0 };
  readonly #invocations: Invocations;
  readonly #counts: boolean;

  /** @param options counts: whether words are counted, which takes time and memory */
  constructor(mode: Mode, options: { readonly counts?: boolean } = {}) {
    const { subgroups = 32 } = mode;
    if (!Number.isInteger(Math.log2(subgroups)) || subgroups < 4 || subgroups > 128)
      throw new RangeError(`"subgroups" expected a power of two in 4..128, got ${subgroups}`);
    this.mode = mode;
    this.#counts = options.counts ?? false;
    this.#arithmetic = arithmetic(mode);
    this.#random = randomWords(mode.seed ?? 1);
    this.#turn = { mode, findings: this.findings, random: this.#random, invocation: 0 };
    const surroundings = { arithmetic: this.#arithmetic, random: this.#random };
    this.#invocations = new Invocations(subgroups, this.#turn, this.#asked, surroundings);
    this.#pool = mode.garbage ? Uint32Array.from({ length: POOL }, this.#random) : new Uint32Array(0);
  }

  /** Memory for so many words: zero, or random where the mode has garbage. */
  memory(words: number): Memory {
    const memory = this.#free.get(words)?.pop() ?? new Memory(words);
    this.#spoil(memory);
    return memory;
  }

  /** Takes back memory that nobody uses any more: `memory` gives it again. */
  recycle(memory: Memory): void {
    const words = memory.words.length;
    if (words > LARGEST_KEPT) return;
    const same = this.#free.get(words);
    if (!same) this.#free.set(words, [memory]);
    else if (same.length < MOST_KEPT) same.push(memory);
  }

  /**
   * Runs a dispatch.
   * @throws WgslError where the source is not right or not supported; RangeError where a binding is missing, passes the
   * end of its memory, or shares memory with another one that is written
   */
  dispatch({ label, source, entry, groups, bindings, uniforms }: Dispatch): Counts {
    this.findings.where = label;
    const { compiled, point, workgroup, builtins, size } = this.#prepare(label, source, entry);
    this.#storage.dispatch = ++this.#storage.now;
    const storage = this.#storageViews(label, point.function.uses, bindings);
    const views: Record<string, View> = { ...storage };
    for (const { name, view } of workgroup) views[name] = view;
    compiled.bind(views, uniformsOf(compiled.module.globals, uniforms));

    const [x, y, z] = groups;
    const workgroups = x * y * z;
    const run = compiled.functions[entry];
    const args: unknown[] = builtins.map(() => undefined);
    const id = [0, 0, 0];
    const start = (invocation: number): Waiting | undefined => {
      for (let i = 0; i < args.length; i++) args[i] = builtins[i](invocation, id, groups);
      return run(...args);
    };
    const order = (n: number): Uint32Array => this.#order(n);
    const passed = ({ barrier }: Barrier): void => {
      (barrier === 'storageBarrier' ? this.#storage : this.#workgroup).now++;
    };
    let barriers = 0;
    let atomics = 0;
    for (const group of this.#order(workgroups)) {
      this.#storage.workgroup = ++this.#storage.now;
      this.#workgroup.dispatch = this.#workgroup.workgroup = ++this.#workgroup.now;
      for (const { memory } of workgroup) this.#forget(memory);
      id[0] = group % x;
      id[1] = Math.floor(group / x) % y;
      id[2] = Math.floor(group / (x * y));
      if (point.function.waits)
        barriers += this.#invocations.run(size, start as (invocation: number) => Waiting, order, passed);
      else
        for (const i of this.#order(size)) {
          this.#turn.invocation = i;
          start(i);
        }
    }
    for (const { view } of workgroup) {
      atomics += view.atomics;
      view.atomics = 0;
    }
    return {
      workgroups,
      invocations: workgroups * size,
      barriers,
      bindings: storage,
      workgroupAtomics: atomics,
    };
  }

  #prepare(label: string, source: string, entry: string): Prepared {
    let entries = this.#prepared.get(source);
    if (!entries) this.#prepared.set(source, (entries = new Map<string, Prepared>()));
    let found = entries.get(entry);
    if (!found) {
      const compiled = this.#compile(source);
      const point = compiled.module.entries.get(entry);
      if (!point) throw new RangeError(`${label} has no entry point ${entry}`);
      const size = point.workgroupSize.reduce((a, b) => a * b);
      const workgroup = this.#workgroupViews(point.function.uses);
      found = { compiled, point, workgroup, builtins: this.#builtins(point, size), size };
      entries.set(entry, found);
    }
    return found;
  }

  #compile(source: string): Compiled {
    let found = this.#compiled.get(source);
    if (!found) {
      const clamped = <T>(of: readonly T[], i: number, line: number): number => {
        if (i < of.length) return i;
        this.findings.add('out of bounds', line, `element ${i} of ${of.length}`);
        return of.length - 1;
      };
      found = compile(source, this.mode, this.#arithmetic, {
        asked: this.#asked,
        element: (of, i, line) => of[clamped(of, i, line)],
        replaced: (of, i, value, line) => of.with(clamped(of, i, line), value),
      });
      this.#compiled.set(source, found);
    }
    return found;
  }

  /**
   * The variables of workgroup memory that an entry point uses: the same for each dispatch, spoilt for each workgroup.
   */
  #workgroupViews(uses: Iterable<Global>): Shared[] {
    return [...uses]
      .filter(({ space }) => space === 'workgroup')
      .map(({ name, type }) => {
        const memory = new Memory(wordsOf(type));
        this.#spoil(memory);
        const whole = { first: 0, count: memory.words.length, writable: true, counted: false };
        return { name, memory, view: new View(name, this.#turn, this.#workgroup, memory, whole) };
      });
  }

  /** The bindings that an entry point uses. */
  #storageViews(
    label: string,
    uses: Iterable<Global>,
    bindings: Readonly<Record<string, Binding>>,
  ): Record<string, View> {
    const views: Record<string, View> = {};
    const bound = [...uses].filter(({ space }) => space === 'storage');
    for (const { name, access } of bound) {
      const binding = bindings[name];
      if (!binding) throw new RangeError(`${label}: nothing is bound to ${name}`);
      const { memory, first, count } = binding;
      if (first + count > memory.words.length)
        throw new RangeError(`${label}: ${name} passes the end of its memory`);
      const writable = access === 'read_write';
      for (const other of bound)
        if (writable && other.name !== name && overlap(binding, bindings[other.name]))
          throw new RangeError(`${label}: ${name} is written and shares memory with ${other.name}`);
      const options = { first, count, writable, counted: this.#counts };
      views[name] = new View(name, this.#turn, this.#storage, memory, options);
    }
    return views;
  }

  /** What gives an invocation each of the entry point's parameters. */
  #builtins({ builtins, workgroupSize }: EntryPoint, size: number): Builtin[] {
    const [width, height] = workgroupSize;
    const { subgroups = 32 } = this.mode;
    const local = Array.from({ length: size }, (_, i) => [
      i % width,
      Math.floor(i / width) % height,
      Math.floor(i / (width * height)),
    ]);
    const known: Readonly<Record<string, Builtin>> = {
      local_invocation_index: (invocation) => invocation,
      local_invocation_id: (invocation) => local[invocation],
      global_invocation_id: (invocation, [x, y, z]) => {
        const [i, j, k] = local[invocation];
        return [i + x * width, j + y * height, k + z * workgroupSize[2]];
      },
      workgroup_id: (_, group) => group,
      num_workgroups: (_, __, groups) => groups,
      subgroup_size: () => subgroups,
      subgroup_invocation_id: (invocation) => invocation % subgroups,
    };
    return builtins.map((name) => {
      if (!(name in known)) throw new RangeError(`builtin value ${name} is not supported`);
      return known[name];
    });
  }

  /** The numbers from 0 to n - 1 in the order of the mode. */
  #order(n: number): Uint32Array {
    const { order: how } = this.mode;
    if (n > LONGEST_KEPT) return ordered(n, how, this.#random);
    let kept = this.#orders.get(n);
    if (!kept) {
      const count = how === 'random' ? ORDERS : 1;
      this.#orders.set(n, (kept = Array.from({ length: count }, () => ordered(n, how, this.#random))));
    }
    return kept.length === 1 ? kept[0] : kept[this.#random() % ORDERS];
  }

  /** Workgroup memory for the next workgroup: zero, or what the one before left, whose reads are reported. */
  #forget({ words, valid }: Memory): void {
    if (this.mode.garbage) valid.fill(0);
    else words.fill(0);
  }

  #spoil(memory: Memory): void {
    const { words } = memory;
    this.#forget(memory);
    if (!this.mode.garbage) return;
    for (let at = 0; at < words.length;) {
      const from = this.#random() % POOL;
      const part = this.#pool.subarray(from, from + Math.min(POOL - from, words.length - at));
      words.set(part, at);
      at += part.length;
    }
  }
}

function ordered(n: number, how: Mode['order'], random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => (how === 'descending' ? n - 1 - i : i));
  if (how === 'random')
    for (let i = n - 1; i > 0; i--) {
      const j = random() % (i + 1);
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
  return order;
}

function overlap(a: Binding, b: Binding | undefined): boolean {
  return (
    b !== undefined && a.memory === b.memory && a.first < b.first + b.count && b.first < a.first + a.count
  );
}

/** The uniform struct of each uniform variable, whose members that are not given are undefined. */
function uniformsOf(
  globals: readonly Global[],
  given: Readonly<Record<string, number>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, space, type } of globals) {
    if (space !== 'uniform') continue;
    if (type.kind !== 'struct') throw new RangeError(`uniform ${name} is no struct`);
    found[name] = Object.fromEntries(type.members.map((member) => [`_${member.name}`, given[member.name]]));
  }
  return found;
}
