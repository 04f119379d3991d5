/**
 * What a run needs of its links, its broker and its server: arithmetic, for `fewbits plan`. A round of N workers whose
 * packets have u bytes up and d bytes down moves N u + N d through the broker's links on either side.
 */
import { requireInteger, requireNumber } from '../arguments.ts';
import { HEAD_BYTES } from '../runs/wire/head.ts';

export interface PlanOptions {
  /** Numbers that are trained. */
  readonly params: number;
  readonly workers: number;
  /** Bits a second of each worker's link, in each direction. */
  readonly link: number;
  /** Bits an element up; 1 if left out, as FO-SGD. */
  readonly bitsUp?: number;
  /** Bits an element down; as up if left out. */
  readonly bitsDown?: number;
  /** Seconds that a worker computes in a step, or in a local step; 0 if left out. */
  readonly compute?: number;
  /** Local steps from one exchange of the whole model to the next, where workers train copies alone; 1 if left out. */
  readonly localSteps?: number;
  /** Parts that the model is exchanged in, spread over these local steps; 1 if left out. */
  readonly fragments?: number;
  /** Local steps that a worker goes on for while a fragment travels; 0 if left out. */
  readonly delay?: number;
  /** Bits a second of the broker's and the server's links; 10^10 if left out. */
  readonly serverLink?: number;
  /** The longest MQTT packet; 131,072 if left out. */
  readonly packetBytes?: number;
  /**
   * Elements a second that the server decodes and adds up; 2 * 10^8 if left out: measure yours with `npm run bench`.
   */
  readonly decode?: number;
}

export interface Plan {
  /** Bytes of a packet with its headers and MQTT's, up and down. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** MQTT messages a worker sends and receives in a step. */
  readonly parts: number;
  /** Seconds of a step, part by part. */
  readonly seconds: {
    readonly compute: number;
    /** What a worker waits for its own link. */
    readonly workerLink: number;
    /** All packets through the broker's link to the server, then the answers to all workers. */
    readonly brokerLink: number;
    readonly decode: number;
    /** Their sum: nothing overlaps. */
    readonly step: number;
  };
  /** One of a step's exchanges: all of it, or a fragment. */
  readonly exchange: {
    readonly bytesUp: number;
    readonly bytesDown: number;
    /** Seconds on a worker's link. */
    readonly seconds: number;
    /** Seconds of these that a worker waits, since it has no more to compute meanwhile. */
    readonly waits: number;
    /** Seconds from one exchange to the next that a worker computes. */
    readonly every: number;
    /**
     * Bits a second that a worker's link needs so that nobody waits for it; infinite where nothing is computed
     * meanwhile.
     */
    readonly peakBits: number;
  };
  /** Messages a second through the broker, in and out. */
  readonly messages: number;
  /** Bits a second that the broker sends while a step's answers go out at once, in the mean over the step. */
  readonly brokerBits: number;
  /** Bytes that the server holds: the round's packets, model, velocity, mean, and the error before and after. */
  readonly serverMemory: number;
  /** How many times as long as the compute and a worker's own link the step takes because of broker and server. */
  readonly slowdown: number;
  /** Servers, each of a part of the model, whose time in a step is no longer than a worker's; 1 where one is enough. */
  readonly shards: number;
}

/** MQTT's own bytes around a part: fixed header, topic of 40 characters, identifier, properties, acknowledgement. */
const MQTT_OVERHEAD = 5 + 2 + 40 + 2 + 1 + 4;

/** The record before an answer: 4 bytes, a bit and a CRC for each worker. */
const recordBytes = (workers: number): number => 4 + Math.ceil(workers / 32) * 4 + 4 * workers;

/**
 * Sizes a run.
 * @throws TypeError or RangeError where an option is out of range
 * @example
 * sizeOf({ params: 1e6, workers: 4, link: 50e6 }).parts; // 2
 */
export function sizeOf(options: PlanOptions): Plan {
  const positive = (name: keyof PlanOptions, value: number): number =>
    requireNumber(name, value, 'a number above 0', (one) => one > 0);
  const params = positive('params', options.params);
  const workers = requireInteger('workers', options.workers, 1, 1e7);
  const link = positive('link', options.link);
  const bitsUp = positive('bitsUp', options.bitsUp ?? 1);
  const bitsDown = positive('bitsDown', options.bitsDown ?? bitsUp);
  const local = requireInteger('localSteps', options.localSteps ?? 1, 1, 2 ** 31);
  const fragments = requireInteger('fragments', options.fragments ?? 1, 1, local);
  // a fragment has to be there before the next one leaves
  const delay = requireInteger('delay', options.delay ?? 0, 0, Math.floor(local / fragments));
  const oneStep = requireNumber('compute', options.compute ?? 0, '0 or more', (one) => one >= 0);
  const compute = local * oneStep;
  const serverLink = positive('serverLink', options.serverLink ?? 1e10);
  const packet = requireInteger('packetBytes', options.packetBytes ?? 131_072, 1024, 2 ** 28);
  const decode = positive('decode', options.decode ?? 2e8);

  const partsOf = (bytes: number): number =>
    Math.max(1, Math.ceil(bytes / (packet - HEAD_BYTES - MQTT_OVERHEAD)));
  const whole = (bytes: number): number => Math.ceil(bytes) + partsOf(bytes) * (HEAD_BYTES + MQTT_OVERHEAD);
  // of an exchange: a fragment
  const up = (params * bitsUp) / 8 / fragments;
  const down = (params * bitsDown) / 8 / fragments + recordBytes(workers);
  const bytesUp = fragments * whole(up);
  const bytesDown = fragments * whole(down);
  const parts = fragments * (partsOf(up) + partsOf(down));
  const bits = 8 * (whole(up) + whole(down));
  const hidden = delay * oneStep;
  const waits = Math.max(0, bits / link - hidden);
  const workerLink = fragments * waits;
  // all packets to the server, then a copy of the answer to each worker; what comes in goes out at the same time
  const brokerLink = (8 * workers * (bytesUp + bytesDown)) / serverLink;
  const decoding = (params * (workers + 2)) / decode;
  const step = compute + workerLink + brokerLink + decoding;
  const own = compute + workerLink;
  return {
    bytesUp,
    bytesDown,
    parts,
    exchange: {
      bytesUp: whole(up),
      bytesDown: whole(down),
      seconds: bits / link,
      waits,
      every: compute / fragments,
      peakBits: hidden > 0 ? bits / hidden : Infinity,
    },
    seconds: { compute, workerLink, brokerLink, decode: decoding, step },
    messages: (2 * workers * parts) / step,
    brokerBits: (8 * workers * bytesDown) / step,
    serverMemory: workers * fragments * up + 5 * 4 * params,
    slowdown: step / own,
    shards: Math.max(1, Math.ceil((brokerLink + decoding) / own)),
  };
}
