/** Runs dispatches of compute shaders under a mode, one invocation after the other, and says what it found. */
import {
  type Barrier,
  compile,
  type Compiled,
  type SubgroupSite,
  type Wait,
  type Waiting,
} from './compile.ts';
import { Findings } from './findings.ts';
import { type Arithmetic, arithmetic } from './floats.ts';
import { type Epochs, Memory, type Traffic, type Turn, View } from './memory.ts';
import { type Mode, randomWords } from './mode.ts';
import { subgroupResults } from './subgroups.ts';
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

/** An invocation that waits, or is done. */
interface Invocation {
  readonly work: Waiting;
  waits: Wait | undefined;
  answer: ReturnType<typeof subgroupResults>[number] | undefined;
  done: boolean;
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
    this.#pool = mode.garbage ? Uint32Array.from({ length: POOL }, this.#random) : new Uint32Array(0);
  }

  /** Memory for so many words: zero, or random where the mode has garbage. */
  memory(words: number): Memory {
    const memory = new Memory(words);
    this.#spoil(memory);
    return memory;
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
    let barriers = 0;
    let atomics = 0;
    for (const group of this.#order(workgroups)) {
      this.#storage.workgroup = ++this.#storage.now;
      this.#workgroup.dispatch = this.#workgroup.workgroup = ++this.#workgroup.now;
      for (const { memory } of workgroup) this.#spoil(memory);
      const id = [group % x, Math.floor(group / x) % y, Math.floor(group / (x * y))];
      const start = (invocation: number): Waiting | undefined => {
        for (let i = 0; i < args.length; i++) args[i] = builtins[i](invocation, id, groups);
        return run(...args);
      };
      if (point.function.waits) barriers += this.#together(size, start as (invocation: number) => Waiting);
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
        element: (of, i, line) => of[clamped(of, i, line)],
        replaced: (of, i, value, line) => of.with(clamped(of, i, line), value),
      });
      this.#compiled.set(source, found);
    }
    return found;
  }

  /** The variables of workgroup memory that an entry point uses: the same for each dispatch, spoilt for each workgroup. */
  #workgroupViews(uses: Iterable<Global>): Shared[] {
    return [...uses]
      .filter(({ space }) => space === 'workgroup')
      .map(({ name, type }) => {
        const memory = new Memory(wordsOf(type));
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
      global_invocation_id: (invocation, group) =>
        local[invocation].map((at, i) => at + group[i] * workgroupSize[i]),
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

  /** Runs invocations that wait for each other, from barrier to barrier; gives the number of barriers. */
  #together(size: number, start: (invocation: number) => Waiting): number {
    const all: Invocation[] = [];
    for (let i = 0; i < size; i++)
      all.push({ work: start(i), waits: undefined, answer: undefined, done: false });
    let live = size;
    let asking = 0;
    for (let barriers = 0; ;) {
      for (const i of this.#order(size)) {
        const one = all[i];
        if (one.done || one.waits) continue;
        this.#turn.invocation = i;
        const { done, value } = one.work.next(one.answer);
        if (done) {
          one.done = true;
          live--;
        } else {
          one.waits = value;
          if ('site' in value) asking++;
        }
      }
      if (asking > 0) asking -= this.#answerSubgroups(all);
      else if (live > 0) {
        this.#passBarrier(all, live);
        barriers++;
      } else return barriers;
    }
  }

  /** All invocations that are not done wait at a barrier: lets them pass. */
  #passBarrier(all: readonly Invocation[], live: number): void {
    let first: Barrier | undefined;
    let others: Set<Barrier> | undefined;
    for (const one of all) {
      if (one.done) continue;
      const site = one.waits as Barrier;
      first ??= site;
      if (site !== first) (others ??= new Set()).add(site);
      one.waits = undefined;
    }
    const { barrier, line } = first!;
    if (others || live < all.length)
      this.findings.add(
        'barrier in non-uniform control flow',
        line,
        `${barrier}, others ${others ? 'wait elsewhere' : 'have returned'}`,
      );
    for (const site of [first!, ...(others ?? [])])
      (site.barrier === 'storageBarrier' ? this.#storage : this.#workgroup).now++;
  }

  /** Answers operations on subgroups: those that all lanes have reached, else those that only some reach. How many. */
  #answerSubgroups(all: readonly Invocation[]): number {
    const { subgroups: size = 32 } = this.mode;
    const parts: { site: SubgroupSite; first: number; lanes: number[] }[] = [];
    let answered = 0;
    for (let first = 0; first < all.length; first += size) {
      const waiting = new Map<SubgroupSite, number[]>();
      const end = Math.min(first + size, all.length);
      for (let i = first; i < end; i++) {
        const { waits } = all[i];
        if (!waits || !('site' in waits)) continue;
        const lanes = waiting.get(waits.site);
        if (lanes) lanes.push(i);
        else waiting.set(waits.site, [i]);
      }
      for (const [site, lanes] of waiting) {
        if (lanes.length < end - first) parts.push({ site, first, lanes });
        else {
          this.#answer(all, site, first, lanes);
          answered += lanes.length;
        }
      }
    }
    if (answered > 0) return answered;
    // nobody else can go on: some lanes do not get here
    for (const { site, first, lanes } of parts) {
      this.findings.add('subgroup operation that some lanes miss', site.line, site.subgroup);
      this.#answer(all, site, first, lanes);
      answered += lanes.length;
    }
    return answered;
  }

  #answer(all: readonly Invocation[], site: SubgroupSite, first: number, lanes: readonly number[]): void {
    const given = lanes.map((i) => {
      const { value, by } = all[i].waits as Extract<Wait, { site: SubgroupSite }>;
      return { lane: i - first, value, by };
    });
    const missing = (): void =>
      this.findings.add('shuffle from a lane that is not there', site.line, site.subgroup);
    const results = subgroupResults(site, given, this.#arithmetic, this.#random, missing);
    lanes.forEach((i, place) => {
      all[i].answer = results[place];
      all[i].waits = undefined;
    });
  }

  /** The numbers from 0 to n - 1 in the order of the mode. */
  #order(n: number): Uint32Array {
    const order = new Uint32Array(n);
    const { order: how } = this.mode;
    for (let i = 0; i < n; i++) order[i] = how === 'descending' ? n - 1 - i : i;
    if (how === 'random')
      for (let i = n - 1; i > 0; i--) {
        const j = this.#random() % (i + 1);
        const kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
    return order;
  }

  #spoil(memory: Memory): void {
    const { words, valid } = memory;
    if (!this.mode.garbage) {
      words.fill(0);
      return;
    }
    valid.fill(0);
    for (let at = 0; at < words.length;) {
      const from = this.#random() % POOL;
      const part = this.#pool.subarray(from, from + Math.min(POOL - from, words.length - at));
      words.set(part, at);
      at += part.length;
    }
  }
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
