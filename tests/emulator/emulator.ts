/** Runs dispatches of compute shaders under a mode, one invocation after the other, and says what it found. */
import { type Barrier, compile, type Compiled, type SubgroupSite, type Wait, type Waiting } from './compile.ts';
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

/** Random words that memory is filled with, a part of them at a time. */
const POOL = 2 ** 16;

export class Emulator {
  readonly mode: Mode;
  readonly findings: Findings = new Findings();
  readonly #arithmetic: Arithmetic;
  readonly #compiled = new Map<string, Compiled>();
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
    const compiled = this.#compile(source);
    const point = compiled.module.entries.get(entry);
    if (!point) throw new RangeError(`${label} has no entry point ${entry}`);
    const uses = [...point.function.uses];
    this.#storage.dispatch = ++this.#storage.now;
    const storage = this.#storageViews(label, uses, bindings);
    const shared = uses.filter(({ space }) => space === 'workgroup');
    const workgroup = shared.map((global) => {
      const memory = new Memory(wordsOf(global.type));
      const whole = { first: 0, count: memory.words.length, writable: true, counted: false };
      return { memory, view: new View(global.name, this.#turn, this.#workgroup, memory, whole), global };
    });
    const views = { ...storage, ...Object.fromEntries(workgroup.map(({ global, view }) => [global.name, view])) };
    compiled.bind(views, uniformsOf(compiled.module.globals, uniforms));

    const [x, y, z] = groups;
    const run = compiled.functions[entry];
    let barriers = 0;
    for (const group of this.#order(x * y * z)) {
      this.#storage.workgroup = ++this.#storage.now;
      this.#workgroup.dispatch = this.#workgroup.workgroup = ++this.#workgroup.now;
      for (const { memory } of workgroup) this.#spoil(memory);
      const id = [group % x, Math.floor(group / x) % y, Math.floor(group / (x * y))];
      const args = (invocation: number): unknown[] => this.#builtins(point, invocation, id, groups);
      const [width, height, depth] = point.workgroupSize;
      const size = width * height * depth;
      if (point.function.waits) barriers += this.#together(size, (i) => run(...args(i))!);
      else
        for (const i of this.#order(size)) {
          this.#turn.invocation = i;
          run(...args(i));
        }
    }
    const workgroups = x * y * z;
    const invocations = workgroups * point.workgroupSize.reduce((a, b) => a * b);
    const workgroupAtomics = workgroup.reduce((sum, { view }) => sum + view.atomics, 0);
    return { workgroups, invocations, barriers, bindings: storage, workgroupAtomics };
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

  /** The bindings that an entry point uses. */
  #storageViews(
    label: string,
    uses: readonly Global[],
    bindings: Readonly<Record<string, Binding>>,
  ): Record<string, View> {
    const views: Record<string, View> = {};
    const bound = uses.filter(({ space }) => space === 'storage');
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

  #builtins(
    { builtins, workgroupSize }: EntryPoint,
    invocation: number,
    group: readonly number[],
    groups: readonly number[],
  ): unknown[] {
    const [width, height] = workgroupSize;
    const local = (): number[] => [
      invocation % width,
      Math.floor(invocation / width) % height,
      Math.floor(invocation / (width * height)),
    ];
    const { subgroups = 32 } = this.mode;
    return builtins.map((name) => {
      switch (name) {
        case 'local_invocation_index':
          return invocation;
        case 'local_invocation_id':
          return local();
        case 'global_invocation_id':
          return local().map((at, i) => at + group[i] * workgroupSize[i]);
        case 'workgroup_id':
          return group;
        case 'num_workgroups':
          return groups;
        case 'subgroup_size':
          return subgroups;
        case 'subgroup_invocation_id':
          return invocation % subgroups;
        default:
          throw new RangeError(`builtin value ${name} is not supported`);
      }
    });
  }

  /** Runs invocations that wait for each other, from barrier to barrier; gives the number of barriers. */
  #together(size: number, start: (invocation: number) => Waiting): number {
    const all = Array.from({ length: size }, (_, i): Invocation => ({
      work: start(i),
      waits: undefined,
      answer: undefined,
      done: false,
    }));
    let barriers = 0;
    for (;;) {
      for (const i of this.#order(size)) {
        const one = all[i];
        if (one.done || one.waits) continue;
        this.#turn.invocation = i;
        const { done, value } = one.work.next(one.answer);
        one.answer = undefined;
        if (done) one.done = true;
        else one.waits = value;
      }
      if (this.#answerSubgroups(all)) continue;
      const live = all.filter(({ done }) => !done);
      if (live.length === 0) return barriers;
      barriers++;
      this.#passBarrier(live, size);
    }
  }

  /** All invocations that are not done wait at a barrier: lets them pass. */
  #passBarrier(live: readonly Invocation[], size: number): void {
    const sites = new Set(live.map(({ waits }) => waits as Barrier));
    const [first] = sites;
    if (sites.size > 1 || live.length < size)
      this.findings.add(
        'barrier in non-uniform control flow',
        first.line,
        sites.size > 1 ? `${first.barrier}, others wait elsewhere` : `${first.barrier}, others have returned`,
      );
    for (const { barrier } of sites) {
      const epochs = barrier === 'storageBarrier' ? this.#storage : this.#workgroup;
      epochs.now++;
    }
    for (const one of live) one.waits = undefined;
  }

  /** Answers operations on subgroups; whether there were any. */
  #answerSubgroups(all: readonly Invocation[]): boolean {
    const { subgroups: size = 32 } = this.mode;
    const waiting = new Map<SubgroupSite, number[]>();
    let whole = false;
    const parts: { site: SubgroupSite; first: number; lanes: number[] }[] = [];
    for (let first = 0; first < all.length; first += size) {
      waiting.clear();
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
          whole = true;
        }
      }
    }
    if (whole || parts.length === 0) return whole;
    // nobody else can go on: some lanes do not get here
    for (const { site, first, lanes } of parts) {
      this.findings.add('subgroup operation that some lanes miss', site.line, site.subgroup);
      this.#answer(all, site, first, lanes);
    }
    return true;
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
    for (let at = 0; at < words.length; ) {
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
