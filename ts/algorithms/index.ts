/** `fewbits/algorithms`: systems of distributed training as state machines that any transport carries. */
export { hardThreshold, topKAllGather } from './baselines/all-gather.ts';
export { cltK } from './baselines/clt-k.ts';
export { cser } from './baselines/cser.ts';
export { doubleSqueeze } from './baselines/double-squeeze.ts';
export { memSgd } from './baselines/mem-sgd.ts';
export { pSgd } from './baselines/p-sgd.ts';
export type { CompressorOptions } from './compressor-options.ts';
export { exDyna, type ExDynaOptions } from './ex-dyna.ts';
export { exchange, type Participant, type Step } from './exchange.ts';
export { foSgd } from './fo-sgd.ts';
export { liecSgd, type LiecOptions } from './liec-sgd.ts';
export { diLoCo, fedAvg, localSteps, sparseLoCo, type LocalOptions } from './local-steps.ts';
export { localTrainer, type TrainerOptions } from './local-trainer.ts';
export {
  splitLearning,
  splitMask,
  splitQuantized,
  splitRandomized,
  splitTopK,
  type SplitSide,
  type SplitSystem,
} from './split-learning.ts';
export { descend, sumMessages, trainLocally } from './steps.ts';
export type {
  Message,
  Model,
  OnDevice,
  Outcome,
  Route,
  Seat,
  SendOptions,
  Server,
  Stateful,
  StepReport,
  System,
  Worker,
} from './system.ts';
export { deliver, runStep, type Carry } from './transport.ts';
export type { Vector } from './vectors.ts';
