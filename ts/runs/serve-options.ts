/** What a server of a run is given, and what it tells. */
import { requireInteger, requireNumber } from '../arguments.ts';
import type { Model, Route } from '../algorithms/system.ts';
import type { Device } from '../device.ts';
import type { Clock, OpenLink, Traffic } from './link.ts';
import type { Schedule } from './decisions.ts';
import { rangeOf, type Member } from './membership.ts';
import type { RoundEntry } from './round.ts';
import type { SystemOrOf } from './step-settings.ts';
import type { Store } from './store.ts';
import { DEADLINE } from './waits.ts';
import type { Position } from './wire/head.ts';

/** A closed round, for people and for tests. */
export interface ClosedRound extends Position {
  readonly route: Route;
  /** Whether the step ended with it. */
  readonly last: boolean;
  /** Seats of the step: the number of workers that the system works with. */
  readonly seats: number;
  /** Whose messages it is made of, by rank. */
  readonly from: readonly (RoundEntry & { readonly name: string })[];
  /** What the server answered; the sum of a `sum` round; empty of a `gather` round. */
  readonly answer: Uint8Array;
  /** Milliseconds from its opening to its closing. */
  readonly duration: number;
  /** Names of those who were here and not in it. */
  readonly missed: readonly string[];
  /** Names of those who left the step out, and said so. */
  readonly passed: readonly string[];
  /** Names of those who are not waited for any more. */
  readonly stragglers: readonly string[];
  /** Workers who are here. */
  readonly present: number;
  /** Since the start. */
  readonly traffic: Traffic;
}

export interface ServeOptions {
  /** How to open a link: `mqttBroker({ url })`. */
  readonly broker: OpenLink;
  /** The run's name: 1 to 64 of A-Z a-z 0-9 . _ - */
  readonly run: string;
  /** The levels of topics before the run's name, `a/b` for example; fewbits if left out. */
  readonly prefix?: string;
  readonly device: Device;
  /** Or what makes it of the compressor that `settings` says for a step. */
  readonly system: SystemOrOf;
  /** The initial model. It is trained in place; workers get it from here. */
  readonly model: Model;
  /**
   * The most workers at a time: the seats of the run, each with a rank. Or `{ least, most }`, where seats follow the
   * workers from step to step: who comes has one from the next step on, who leaves has none, and the systems work with
   * the number of those who are there. `most` is 65,534 if left out.
   */
  readonly workers: number | { readonly least: number; readonly most?: number };
  /** Workers to wait for before the first step; as many as `workers`, or `least`, if left out. */
  readonly start?: number;
  /** The least number of messages that a round is made of; half of `workers`, or `least`, if left out. */
  readonly quorum?: number;
  /**
   * What this server decides for all, by step: the learning rate, for example, and how many local steps there are.
   * Workers take it with each step, and need not be started again when it changes. What it leaves out is as the
   * machines have it; of the model's rates, this server's.
   */
  readonly settings?: Schedule;
  /**
   * The most that a worker's message may weigh, so that none outweighs the others by what it claims: one that weighs
   * more is refused. 1 if left out.
   */
  readonly mostWeight?: number;
  /**
   * Milliseconds from its opening after which a round closes with a quorum, and after which `onNote` hears what is
   * waited for where there is none, each time anew; 30,000 if left out.
   */
  readonly deadline?: number;
  /** Steps after which the run ends; without end if left out. */
  readonly steps?: number;
  /** Milliseconds of silence after which the server says where the run is; 1000 if left out. */
  readonly heartbeat?: number;
  /**
   * Steps after which the checksum of the model goes with a closed round: a worker whose model has another is named in
   * `onRefused`, and loads the model. 25 if left out; 0 for never. Of systems whose workers' models differ by design
   * they are compared in the next step that sets all models to one answer, if they have such steps (LIEC-SGD has, CSER
   * has not).
   */
  readonly checkEvery?: number;
  /** What workers are told of the run, JSON: the task and its settings, for example. */
  readonly about?: unknown;
  /** Where the state goes, and comes from where there is one. */
  readonly store?: Store;
  /** Steps from one saved state to the next; 1 if left out, so that a restart undoes nothing. */
  readonly saveEvery?: number;
  /** Called after each round; the next one closes when it has resolved. */
  readonly onRound?: (round: ClosedRound) => void | Promise<void>;
  /**
   * From whom something was refused, and why: a message, settings that are not the run's, a model that is not; or that
   * a worker has left out ten steps in a row.
   */
  readonly onRefused?: (refusal: { readonly name: string; readonly reason: string }) => void;
  /** What the server has been waiting for, for longer than `deadline`. */
  readonly onNote?: (text: string) => void;
  /** Somebody has come or gone. */
  readonly onMember?: (member: {
    readonly name: string;
    readonly rank: number;
    readonly here: boolean;
  }) => void;
  /** For tests: another time. */
  readonly clock?: Clock;
}

/** A run under way. */
export interface RunServer {
  /** Resolves when all steps are done or it was stopped; rejects where it cannot go on. */
  readonly done: Promise<void>;
  /** Where the run is. */
  readonly position: Position;
  readonly members: readonly Member[];
  /**
   * Saves the state and leaves, within seconds, whether the transport is there or not; the run can go on from there.
   */
  stop(): Promise<void>;
}

/** The numbers among a server's options, where one was left out its default. */
export interface ServeNumbers {
  readonly start: number;
  /** Seats in the first step. */
  readonly first: number;
  readonly quorum: number;
  readonly mostWeight: number;
  readonly deadline: number;
  readonly steps: number;
  readonly heartbeat: number;
  readonly checkEvery: number;
  readonly saveEvery: number;
}

const HEARTBEAT = 1000;
const CHECK_EVERY = 25;

/** @throws TypeError or RangeError where a number is wrong */
export function serveNumbersOf(options: ServeOptions): ServeNumbers {
  const { least, most } = rangeOf(options.workers);
  const { start = least, deadline = DEADLINE, heartbeat = HEARTBEAT, steps } = options;
  const isElastic = most > least;
  const {
    quorum = isElastic ? least : Math.max(1, Math.ceil(least / 2)),
    checkEvery = CHECK_EVERY,
    saveEvery = 1,
  } = options;
  const { mostWeight = 1 } = options;
  return {
    start: requireInteger('start', start, 1, most),
    first: Math.max(least, start),
    quorum: requireInteger('quorum', quorum, 1, isElastic ? least : most),
    mostWeight: requireNumber('mostWeight', mostWeight, 'a number above 0', (value) => value > 0),
    deadline: requireNumber('deadline', deadline, 'a number above 0', (value) => value > 0),
    checkEvery: requireInteger('checkEvery', checkEvery, 0, 2 ** 31),
    heartbeat: requireNumber('heartbeat', heartbeat, 'a number above 0', (value) => value > 0),
    saveEvery: requireInteger('saveEvery', saveEvery, 1, 2 ** 31),
    steps: steps === undefined ? Infinity : requireInteger('steps', steps, 1, 2 ** 32 - 1),
  };
}
