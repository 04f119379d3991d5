/**
 * Local steps: workers train copies of one model by themselves, and send what that has changed once a round. SparseLoCo
 * (arXiv 2508.15706), DiLoCo (arXiv 2311.08105) and FedAvg (arXiv 1602.05629) are settings of it.
 *
 * All have the model theta and, where there is momentum, its velocity m in common; each worker r has its error e_r.
 * 1. worker r: trains a copy of theta for some steps, by any optimizer; delta_r = theta - local_r.
 * 2. acc_r = decay e_r + delta_r.
 * 3. sends C(acc_r); e_r = acc_r - C(acc_r). One whose packet is not used keeps all of it: e_r = acc_r.
 * 4. everyone: u = the mean of all C(acc_r), by weights (local-round.ts); or the server, which answers q = C'(u + E),
 *    E = u + E - q, and q takes the place of u.
 * 5. everyone: theta -= rate d, where d = u or, with Nesterov's momentum mu, m = mu m + u and d = u + mu m.
 *
 * With fragments steps exchange parts of theta in turn (local-fragments.ts).
 *
 * Of a round over some of the workers the mean is over these. Draws are keyed by the round and the rank; those of the
 * server by the number of workers.
 */
import { requireNumber, requireOneOf } from '../arguments.ts';
import { blockTopK } from '../compressors/block-top-k.ts';
import { requireCompressor, type Compressor } from '../compressors/compressor.ts';
import { float32 } from '../compressors/float32.ts';
import { optionsWithCompressor } from './compressor-options.ts';
import { openFragmentServer, openFragmentWorker, requireFragments } from './local-fragments.ts';
import { openServer } from './local-server.ts';
import { openWorker, type LocalRules } from './local-worker.ts';
import { requireSeat, requireServerSeat } from './seat.ts';
import type { System } from './system.ts';

export interface LocalOptions {
  /** C: what is sent instead of the changes. */
  readonly compressor?: Compressor;
  /** What an error is multiplied by before it is sent with the next change, 0 to 1. */
  readonly decay?: number;
  /** What the mean of all changes is multiplied by: the outer learning rate, above 0. */
  readonly rate?: number;
  /** Of the outer step, Nesterov's; 0 for none, below 1. */
  readonly momentum?: number;
  /**
   * Over what an element's mean is: `all` workers of the round, or the `senders` whose packets carry it, which makes
   * larger steps where few do.
   */
  readonly average?: 'all' | 'senders';
  /** `median` scales packets whose norm is above the lower median of all down to it. */
  readonly clip?: 'median';
  /**
   * C' of a server that answers with the mean, and carries its error itself; left out among peers, who all receive all
   * packets.
   */
  readonly server?: Compressor;
  /**
   * Runs of elements that the model is cut into, of which each step exchanges one, in turn: as many exchanges in the
   * place of one, each so much smaller. `localTrainer` trains for it. 1 if left out.
   */
  readonly fragments?: number;
}

/** What the papers' names stand for. */
interface Settings extends Required<Pick<LocalOptions, 'decay' | 'rate' | 'momentum'>> {
  readonly compressor: () => Compressor;
}

const PLAIN: Settings = { compressor: float32, decay: 1, rate: 1, momentum: 0 };

const NAMES = ['compressor', 'decay', 'rate', 'momentum', 'average', 'clip', 'server', 'fragments'] as const;

function systemOf(name: string, given: Compressor | LocalOptions | undefined, settings: Settings): System {
  const options = optionsWithCompressor<LocalOptions>(name, given, NAMES);
  const { compressor = settings.compressor(), average = 'all', clip, server, fragments = 1 } = options;
  const { decay = settings.decay, rate = settings.rate, momentum = settings.momentum } = options;
  if (clip !== undefined) requireOneOf('clip', clip, ['median']);
  const rules: LocalRules = {
    name,
    compressor,
    decay: requireNumber('decay', decay, 'a number in 0..1', (value) => value >= 0 && value <= 1),
    rate: requireNumber('rate', rate, 'a number above 0', (value) => Math.fround(value) > 0),
    momentum: requireNumber('momentum', momentum, 'a number in 0..1, below 1', (mu) => mu >= 0 && mu < 1),
    average: requireOneOf('average', average, ['all', 'senders']),
    clip,
    answers: server === undefined ? undefined : requireCompressor('server', server),
  };
  requireFragments(fragments);
  const { answers } = rules;
  const cut = { ...rules, fragments };
  return {
    name,
    takes: 'model',
    worker(device, seat, into) {
      const place = requireSeat(seat, device);
      return fragments === 1
        ? openWorker(device, place, into, rules)
        : openFragmentWorker(device, place, into, cut);
    },
    ...(answers && {
      server(device, seat) {
        const place = requireServerSeat(seat, device);
        return fragments === 1
          ? openServer(device, place, { ...rules, answers })
          : openFragmentServer(device, place, { ...cut, answers });
      },
    }),
  };
}

/**
 * Local steps with any compressor, given by itself or among the options. What `send` takes is not a gradient but the
 * parameters of a copy of the common model, trained for as many steps as the caller likes, and the step ends with the
 * next common model, the same bits at all workers: in `parameters` of the outcome and of the worker, and in the model
 * that `send` was given. What all begin with is the model that the first step is given, else zeros. `share` and `adopt`
 * carry model and velocity. A worker holds two vectors of n elements on the device, and in memory the model, the
 * outcome and, with momentum, the velocity; while a round ends, sums in float64. Sources: arXiv 2311.08105, 2508.15706.
 *
 * @param options a compressor, or `compressor`, `float32()` if left out; `decay` of errors, 1; `rate`, 1, and
 *   `momentum`, 0, of the outer step; `average` over `all` or the `senders`; `clip` by the `median` norm; `server`, the
 *   compressor of a server's answers; `fragments` that steps exchange in turn, 1
 * @returns the system, which makes workers and, with `server`, a server
 * @throws TypeError or RangeError unless compressors are some, decay in 0..1, rate above 0, and momentum in 0..1, but
 *   below 1
 * @example
 * const worker = localSteps({ rate: 0.5 }).worker(device, { n: gradient.length, workers: 4, rank: 0 });
 * const local = worker.parameters.map((value, i) => value - 0.1 * gradient[i]);
 * const message = await worker.send(local, { weight: 3 });
 */
export function localSteps(options: Compressor | LocalOptions = {}): System {
  return systemOf('localSteps', options, PLAIN);
}

/**
 * SparseLoCo: of each 4096 elements of the change the 64 largest, in two bits each, with an error that decays: a
 * thousand times smaller than float32 at each of as many steps as are between two rounds of 25. `localSteps` of
 * `blockTopK()`, decay 0.95, rate 1 and no momentum. Source: arXiv 2508.15706.
 *
 * @param options those of `localSteps`, in the place of these
 * @returns the system, which makes workers and, with `server`, a server
 * @throws TypeError or RangeError as `localSteps`
 * @example
 * const worker = sparseLoCo().worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function sparseLoCo(options: Compressor | LocalOptions = {}): System {
  return systemOf('sparseLoCo', options, { compressor: blockTopK, decay: 0.95, rate: 1, momentum: 0 });
}

/**
 * DiLoCo: the change in float32, and an outer step with Nesterov's momentum. `localSteps` of `float32()`, decay 0, rate
 * 0.7 and momentum 0.9. Source: arXiv 2311.08105.
 *
 * @param options those of `localSteps`, in the place of these
 * @returns the system, which makes workers and, with `server`, a server
 * @throws TypeError or RangeError as `localSteps`
 * @example
 * const worker = diLoCo().worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function diLoCo(options: Compressor | LocalOptions = {}): System {
  return systemOf('diLoCo', options, { compressor: float32, decay: 0, rate: 0.7, momentum: 0.9 });
}

/**
 * FedAvg: the mean of the workers' models, by the weights that `send` is given, their numbers of samples for example.
 * `localSteps` of `float32()`, decay 0, rate 1 and no momentum. Source: arXiv 1602.05629.
 *
 * @param options those of `localSteps`, in the place of these
 * @returns the system, which makes workers and, with `server`, a server
 * @throws TypeError or RangeError as `localSteps`
 * @example
 * const worker = fedAvg().worker(device, { n: gradient.length, workers: 4, rank: 0 });
 */
export function fedAvg(options: Compressor | LocalOptions = {}): System {
  return systemOf('fedAvg', options, { compressor: float32, decay: 0, rate: 1, momentum: 0 });
}
