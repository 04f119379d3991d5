/**
 * `fewbits/runs`: training across machines over any `Link`: the server and the workers of a run, and those of split
 * learning.
 */
export { describeRun } from './describe.ts';
export type { Description } from './description.ts';
export type { Position } from './wire/head.ts';
export { LinkError, type Clock, type Link, type Listener, type OpenLink, type Traffic } from './link.ts';
export type { Member } from './membership.ts';
export type { NamedCompressor } from '../algorithms/named-compressor.ts';
export type { Schedule } from './decisions.ts';
export type { Decided, StepSettings, SystemOrOf } from './step-settings.ts';
export type { RoundEntry } from './round.ts';
export type { ClosedRound, RunServer, ServeOptions } from './serve-options.ts';
export { serveRun } from './serve.ts';
export type { Store } from './store.ts';
export { SettingsError, type Settings } from './settings.ts';
export { joinSplit, type SplitClient, type SplitJoinOptions } from './split/client.ts';
export {
  serveSplit,
  type SplitBatch,
  type SplitFinished,
  type SplitServeOptions,
  type SplitServer,
} from './split/server.ts';
export type { OpenTask, Task, TaskOptions } from './task.ts';
export type { At, Gradient, JoinOptions, RunWorker, WorkerStep } from './join-options.ts';
export { joinRun } from './worker.ts';
