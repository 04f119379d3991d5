/** `fewbits/mqtt`: training across machines over any MQTT broker, in Node and in browsers. Needs the package mqtt. */
export { mqttBroker, type ConnectionOptions, type MqttOptions } from './connection.ts';
export { describeRun } from './describe.ts';
export type { Description } from './description.ts';
export type { Position } from './head.ts';
export type { Clock, Link, Listener, OpenLink, Traffic } from './link.ts';
export type { Member } from './membership.ts';
export { sizeOf, type Plan, type PlanOptions } from './plan.ts';
export { BrokerError, type Asked } from './refusals.ts';
export type { Entry as RoundEntry } from './round.ts';
export { serveRun, type ClosedRound, type RunServer, type ServeOptions, type Store } from './server.ts';
export { SettingsError, type Settings } from './settings.ts';
export { joinSplit, type SplitClient, type SplitJoinOptions } from './split-client.ts';
export {
  serveSplit,
  type Batch as SplitBatch,
  type Finished as SplitFinished,
  type SplitServeOptions,
  type SplitServer,
} from './split-server.ts';
export type { OpenTask, Task, TaskOptions } from './task.ts';
export {
  joinRun,
  type At,
  type Gradient,
  type JoinOptions,
  type RunWorker,
  type WorkerStep,
} from './worker.ts';
