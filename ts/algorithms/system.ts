/**
 * What a system of distributed training is: state machines without input or output of their own. They take numbers and
 * bytes and give bytes and numbers, so that any transport carries them: a loop in one process (`exchange`), sockets, a
 * message broker.
 *
 * One step, at every worker:
 *   1. message = worker.send(gradient, model)
 *   2. the transport takes the messages of all workers along `message.route` and gives each worker its inbox
 *   3. outcome = worker.receive(inbox); where it is another message, back to 2
 * All workers take the same rounds, so a round is complete when each of them has sent, or when the transport has closed
 * it over those who have: then `from` names whose messages it is made of, means are taken over these, and a worker that
 * is not among them takes the aggregate of the others and puts what it sent back where it came from.
 *
 * Where a worker's message has a weight, means are weighted, and those who are not among the round's have none in it.
 */
import type { Device } from '../device.ts';
import type { Bytes } from '../platform.ts';
import type { Vector } from './vectors.ts';

/**
 * Where the messages of a round go, and what each worker's inbox then holds:
 * - `server`: to the server; its one answer
 * - `gather`: to all workers; the messages of all, by rank, the own one too
 * - `sum`: float32 vectors of one length; their sum, added in the order of ranks (`sumMessages`)
 */
export type Route = 'server' | 'gather' | 'sum';

export interface Message {
  readonly route: Route;
  readonly bytes: Bytes;
}

/**
 * A worker's copy of the model, as momentum SGD has it: velocity = momentum velocity + direction, then parameters -=
 * learningRate velocity. Most systems leave it alone; those that average models read and write it.
 */
export interface Model {
  readonly parameters: Float32Array;
  readonly velocity: Float32Array;
  readonly learningRate: number;
  /** 0 for plain SGD. */
  readonly momentum: number;
}

/** What a step is begun with beside its vector. */
export interface SendOptions extends Partial<Model> {
  /**
   * What this worker counts for in the means of the step, its number of samples for example: above 0 and finite; 1 if
   * left out. It goes with the message (weights.ts).
   */
  readonly weight?: number;
}

/** What a worker makes of its inbox. Vectors are good until the worker's next call. */
export type Outcome<Direction extends Vector = Float32Array> =
  /** The step goes on. */
  | { readonly kind: 'message'; readonly message: Message }
  /** The step is done: descend along `direction`, n elements. */
  | { readonly kind: 'direction'; readonly direction: Direction }
  /**
   * The step is done: the model that `send` was given has taken it already. Of systems that take models, `parameters`
   * has the numbers that are in it now, the same at all workers.
   */
  | { readonly kind: 'stepped'; readonly parameters?: Direction };

/** What a worker says of its last step, for plots. */
export interface StepReport {
  /** Share of the n elements that this worker sent. */
  readonly density?: number;
  /** Share of the n elements that all workers' messages together touched. */
  readonly union?: number;
  /** The threshold in use. */
  readonly threshold?: number;
  /** How many times as much as the mean worker the busiest one selected. */
  readonly imbalance?: number;
  /** Of systems that take models: the norm of the mean of what all workers sent. */
  readonly update?: number;
  /** Of systems that take models: the norm of what this worker has not sent yet. */
  readonly error?: number;
  /** Of systems that take models: the CRC-32 of the model's numbers, little-endian; the same at all workers. */
  readonly checksum?: number;
}

/**
 * What has a state that can be kept: `load` of what `save` gave goes on as if nothing had happened, on any backend.
 * Both are asynchronous, since the state is read from the device, and written to it. Calls are made one after the
 * other: no step begins, and no inbox is taken, before a pending `save` or `load` has settled.
 */
export interface Stateful {
  /** The state between steps, as a copy. */
  save(): Promise<Bytes>;
  /**
   * Goes on from a state; a step under way is forgotten. The bytes are taken at the call. What was on a GPU that is
   * lost is written anew.
   * @throws PacketError where the bytes are damaged, or not a state of this system, n, rank and number of workers; the
   *   machine is as it was
   */
  load(state: Uint8Array): Promise<void>;
}

/** What has vectors on a device. */
export interface OnDevice {
  /** Gives the device's memory back; the machine is of no use then. Calling it twice is no error. */
  free(): void;
}

/**
 * One worker's side; it keeps what only this worker knows, its vectors on the device. It holds at most three vectors of
 * n elements beside the gradient: two on the device, and the direction.
 */
export interface Worker<Direction extends Vector = Float32Array> extends Stateful, OnDevice {
  /**
   * Begins a step; one that was begun and not finished is forgotten, as if it had not been: what the worker keeps, and
   * the model, change when the last `receive` of a step resolves, and at no other time. A gradient on the device, or on
   * its GPU, is compressed there. It stays as it is. Where it is added to what the worker keeps, magnitudes below
   * 2^-102 count as zero, of both.
   *
   * Of systems that take models it is not a gradient, but the parameters of a copy of the model that this worker has
   * trained by itself.
   * @throws NonFiniteError where the gradient holds NaN or infinity, or its sum with what the worker keeps; the worker
   *   is as it was between steps
   */
  send(gradient: Vector, options?: SendOptions): Promise<Message>;
  /**
   * Begins a step without a gradient: for who only follows. The message is of the route and, where the route is `sum`,
   * of the length of this round's, but nobody may take it: it is not `used`.
   */
  follow(model?: Partial<Model>): Promise<Message>;
  /**
   * Takes the aggregate of the round. `from` has the ranks, ascending, whose messages it was made of, all of them if
   * left out; of a `gather` round the inbox has the messages of these. `used` says whether what this worker sent is
   * among them, by its rank if left out: a message of its rank may be that of an earlier process. Where the inbox is
   * lost or refused, hand over another one of the same round, or begin the step anew.
   * @throws PacketError where a message is not what this system sends; the worker is as it was
   * @throws OverflowError where the messages are sound and their sum is more than float32 holds; the worker is as it
   *   was between steps
   * @throws Error where no step was begun
   */
  receive(
    inbox: readonly Uint8Array[],
    from?: readonly number[],
    used?: boolean,
  ): Promise<Outcome<Direction>>;
  /**
   * Whether a message of the `gather` round under way can be that of `rank`.
   * @throws PacketError where it can not, or the round is no such one
   */
  check(message: Uint8Array, rank: number): Promise<void>;
  /**
   * What all workers have in common between steps, and so what one that joins them needs beside the model. Of systems
   * that take models, the model is in it.
   */
  share(): Bytes;
  /**
   * Goes on from what another worker of this system and size shared. What is this worker's own, an error it has not
   * sent yet for example, stays. A step under way ends: where the shared state is of that step, or an earlier one, it
   * is forgotten, since it is begun anew; where the others have gone on without it, what it sent goes back into the
   * error, as in `receive`. `taken` says that a message of that step was used, though this worker has not seen
   * the aggregate: then what it may have brought is not kept, so that nothing is sent twice.
   * @throws PacketError where the bytes are damaged or of another system or size
   */
  adopt(shared: Uint8Array, taken?: boolean): void;
  /**
   * Goes back to before the step that `send` or `follow` began last, whether it is done or not; the model that the step
   * changed, too. Once: the next step that begins ends the way back, and so do `load` and `adopt`. For transports that
   * find out, after a worker has taken its last inbox, that another one cannot: all of them take the step back and
   * begin anew. Steps that the caller took along a direction are the caller's to take back.
   */
  takeBack(): void;
  /**
   * Goes on at another rank, or among another number of workers, between two steps. What this worker keeps stays, and
   * so does what all have in common, but for what was made for so many workers: that begins anew, the same at all. A
   * step under way can not go on; `adopt` decides on it. Absent where a system can not.
   * @throws TypeError or RangeError unless workers are in 1..2^32 - 1, and rank in 0..workers
   */
  reseat?(place: Omit<Seat, 'n'>): void;
  /**
   * Multiplies what this worker keeps of gradients, between two steps: by the former learning rate over the next one,
   * so that what was not sent yet counts at the rate that it was computed for. Absent where none is kept, as of systems
   * that take models, whose errors are differences of these.
   * @throws TypeError or RangeError unless the factor is a finite float32
   */
  scaleErrors?(factor: number): Promise<void>;
  /** true where `send` and `follow` of the step that begins next want the model. Absent where they never do. */
  readonly wantsModel?: boolean;
  /**
   * Of systems that take models: the model that all workers have in common between steps, of which each trains a copy.
   * Not to be written to; good until the worker's next call. Absent where the model is the caller's alone.
   */
  readonly parameters?: Float32Array;
  /** What there is to say about the last step. */
  readonly report: StepReport;
}

/**
 * The server's side of systems that have one. An answer that did not reach all workers is sent again as it is; where it
 * is lost, `takeBack` and all workers begin the step anew.
 */
export interface Server extends Stateful, OnDevice {
  /**
   * One message a worker, by rank, to the answer that every worker gets. `from` has the ranks, ascending, whose
   * messages they are, all of them if left out.
   * @throws PacketError where a message is not what this system sends; the server is as it was
   * @throws OverflowError where the messages are sound and their sum is more than float32 holds; the server is as it
   * was
   */
  answer(messages: readonly Uint8Array[], from?: readonly number[]): Promise<Bytes>;
  /**
   * Takes messages of the round before all of them are here, so that `answer` is left less to do: `messages` are the
   * first ones, by rank, of the `of` that `answer` is going to be given; each call has those of the call before, as the
   * same arrays, and more. It changes no answer, only when it is worked on: where `answer` is given others, or
   * another number of them, all is done anew there. The bytes stay as they are until then. Absent where
   * there is nothing to do early.
   * @throws PacketError where a message is not what this system sends; what was taken before stays taken
   * @throws RangeError unless `of` is in 1..workers, and there are at most so many messages
   */
  take?(messages: readonly Uint8Array[], of: number): Promise<void>;
  /**
   * Goes on among another number of workers, between two answers; what the server keeps stays. Absent where it can not.
   * @throws TypeError or RangeError unless workers are in 1..2^32 - 1
   */
  resize?(workers: number): void;
  /** As of a worker. */
  scaleErrors?(factor: number): Promise<void>;
  /** Goes back to before the last answer. Once: the next call of `answer` ends the way back, and so does `load`. */
  takeBack(): void;
  /**
   * Whether a message can be one of the round that `answer` takes next.
   * @throws PacketError where it can not
   */
  check(message: Uint8Array): Promise<void>;
}

/** A worker's place in training: its rank among how many workers, and the length of their gradients. */
export interface Seat {
  /** Elements of a gradient. */
  readonly n: number;
  /** How many workers there are: the world size. */
  readonly workers: number;
  /** 0 for the first worker; `workers` for one beyond them that only follows. */
  readonly rank: number;
}

/** An algorithm of distributed training with its settings: makes the state machines of its workers and its server. */
export interface System {
  readonly name: string;
  /**
   * What `send` takes: a gradient at each step; or `model`, the parameters of a copy of the common model, which each
   * worker has trained for some steps of its own, so that messages travel that much more seldom. There a step ends with
   * the next common model. A transport that computes what it sends asks here; those that carry messages need not.
   * `gradient` if left out.
   */
  readonly takes?: 'gradient' | 'model';
  /**
   * true where workers average their models: `send` and `follow` want the worker's model in some steps, and step it
   * there. Absent where they give directions alone, and no model is read.
   */
  readonly averagesModels?: boolean;
  /**
   * A worker.
   *
   * @param into where its directions are written, n elements, which nobody else writes to: an array, a vector of the
   *   device, or a range of a buffer on its GPU with usage STORAGE, COPY_SRC and COPY_DST; an array of the worker's own
   *   if left out. With gradients and directions on the GPU nothing crosses but messages, models that are averaged, and
   *   lists of elements
   */
  worker<Where extends Vector = Float32Array>(device: Device, seat: Seat, into?: Where): Worker<Where>;
  /** Absent where workers exchange among themselves. */
  server?(device: Device, seat: Omit<Seat, 'rank'>): Server;
}
