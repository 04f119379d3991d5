/** Systems with gradients and directions on the GPU: the messages and numbers that they have in memory. */
import * as assert from 'uvu/assert';
import { exDyna, liecSgd, splitMask } from '../../ts/algorithms/index.ts';
import type { Message, Outcome, Route, System, Worker } from '../../ts/algorithms/system.ts';
import { deliver } from '../../ts/algorithms/transport.ts';
import type { Vector } from '../../ts/algorithms/vectors.ts';
import { NonFiniteError } from '../../ts/errors.ts';
import { inspect, openDevice, type Device, type GpuRange } from '../../ts/index.ts';
import type { DeviceVector } from '../../ts/kernels/device-vector.ts';
import { descend, gradients, models } from '../reference/algorithms/gradients.ts';
import { crewOf, device as js, play, type Crew } from '../reference/algorithms/play.ts';
import { savedBy } from '../reference/algorithms/states.ts';
import { systems } from '../reference/algorithms/systems.ts';
import { countCrossings } from '../support/crossings.ts';
import { contents, COPY_SOURCE, onGpu, sharedGpu, STORAGE } from '../support/gpu.ts';
import { rejects, throws } from '../support/host.ts';
import { restOf } from '../reference/algorithms/rest.ts';
import { input, some } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('systems on the GPU');
let gpu: GPUDevice;
let device: Device;
test.before(async () => {
  gpu = await sharedGpu();
  device = await openDevice({ backend: 'webgpu', gpu });
});
test.after(() => {
  device.close();
});

const WORKERS = 2;
const ALL = STORAGE | COPY_SOURCE;

/** A vector on the GPU; those of odd ranks at an offset that no shader binds. */
function ranged(x: Float32Array, rank: number): GpuRange {
  const offset = 52 * (rank % 2);
  return { buffer: onGpu(gpu, x, offset, ALL), offset, length: x.length };
}

/** Where vectors of the caller's are. */
interface Place {
  readonly name: string;
  put(x: Float32Array, rank: number): Promise<Vector>;
  read(vector: Vector): Promise<Float32Array>;
  free(vector: Vector): void;
}

const RANGES: Place = {
  name: 'ranges of GPU buffers',
  put: async (x, rank) => ranged(x, rank),
  async read(vector) {
    const { buffer, offset = 0, length = 0 } = vector as GpuRange;
    const all = await contents(gpu, buffer);
    const first = offset / 4;
    assert.ok([...all.subarray(0, first), ...all.subarray(first + length)].every((guard) => guard === 7));
    return all.slice(first, first + length);
  },
  free: (vector) => (vector as GpuRange).buffer.destroy(),
};

/** The vectors that parts are of. */
const wholes = new Map<Vector, DeviceVector>();

/** Those of odd ranks are parts that no shader binds. */
const VECTORS: Place = {
  name: 'vectors of the device',
  async put(x, rank) {
    const first = 13 * (rank % 2);
    const whole = device.vector(first + x.length + first);
    await whole.write(new Float32Array(whole.length).fill(7));
    const vector = rank % 2 === 0 ? whole : whole.slice(first, first + x.length);
    await vector.write(x);
    wholes.set(vector, whole);
    return vector;
  },
  async read(vector) {
    const all = await wholes.get(vector)!.read();
    const values = await (vector as DeviceVector).read();
    const first = (all.length - values.length) / 2;
    assert.ok([...all.subarray(0, first), ...all.subarray(first + values.length)].every((x) => x === 7));
    return values;
  },
  free(vector) {
    wholes.get(vector)!.free();
    wholes.delete(vector);
  },
};

/** A machine whose gradients and directions are on the GPU, for callers that have theirs in memory. */
function workerAt<Where extends Vector>(place: Place, worker: Worker<Where>, rank: number): Worker {
  /** Of systems that take models the worker has the common one, and begins with the caller's. */
  const wants = (): boolean => worker.parameters !== undefined || (worker.wantsModel ?? false);
  return {
    ...restOf(worker),
    get wantsModel() {
      return worker.wantsModel;
    },
    get report() {
      return worker.report;
    },
    async send(gradient, model) {
      const given = await place.put(gradient as Float32Array, rank + 1);
      const message = await worker.send(given, wants() ? model : undefined);
      assert.equal(await place.read(given), gradient, 'the gradient stays as it is');
      place.free(given);
      return message;
    },
    async receive(inbox, from, used): Promise<Outcome> {
      const outcome = await worker.receive(inbox, from, used);
      if (outcome.kind === 'message') return outcome;
      if (outcome.kind === 'direction')
        return { kind: 'direction', direction: await place.read(outcome.direction) };
      const { parameters } = outcome;
      return { kind: 'stepped', ...(parameters && { parameters: await place.read(parameters) }) };
    },
  };
}

async function crewAt(place: Place, system: System, n: number): Promise<Crew & { free(): void }> {
  const places: Vector[] = [];
  for (let rank = 0; rank < WORKERS; rank++) places.push(await place.put(new Float32Array(n), rank));
  const workers = places.map((into, rank) =>
    workerAt(place, system.worker(device, { n, workers: WORKERS, rank }, into), rank),
  );
  const server = system.server?.(device, { n, workers: WORKERS });
  return {
    workers,
    server,
    free() {
      for (const machine of [...workers, ...(server ? [server] : [])]) machine.free();
      places.forEach((vector) => place.free(vector));
    },
  };
}

for (const place of [RANGES, VECTORS])
  for (const { label, system, momentum } of some(systems))
    test(`${label}, ${place.name}: messages and directions as in memory`, async () => {
      for (const [n, steps] of [
        [300, 8],
        [0, 2],
      ] as const) {
        const [here, there] = [crewOf(system, n, WORKERS), await crewAt(place, system, n)];
        const [left, right] = [0, 1].map(() => models(n, WORKERS, momentum));
        for (let step = 0; step < steps; step++) {
          const given = gradients(n, WORKERS, step);
          const expected = await play(here, given, left);
          const got = await play(there, given, right);
          assert.equal(got, expected, `n ${n}, step ${step}`);
          for (const [outcomes, trained] of [
            [expected.outcomes, left],
            [got.outcomes, right],
          ] as const)
            outcomes.forEach((outcome, rank) => {
              if (outcome.kind === 'direction') descend(trained[rank], outcome.direction);
            });
          assert.equal(right, left);
          // each state has all that came before
          if (step % 3 === 1)
            assert.equal(await savedBy(there.workers), await savedBy(here.workers), `state, step ${step}`);
        }
        there.free();
      }
      assert.is(device.vectors, 0);
    });

test('exDyna, exact: equal magnitudes are cut on the GPU as in memory', async () => {
  const n = 3000;
  const system = exDyna({ density: 0.1, control: 'exact' });
  for (const kind of ['ties', 'constant', 'sparse', 'zeros'] as const) {
    const [here, there] = [crewOf(system, n, WORKERS), await crewAt(VECTORS, system, n)];
    for (let step = 0; step < 3; step++) {
      const given = [0, 1].map((rank) => input(kind, n, 1 + rank));
      assert.equal(await play(there, given), await play(here, given), `${kind}, step ${step}`);
    }
    there.free();
  }
});

/** Vectors of 80,000 bytes: more than any list here. */
const LONG = 20_000;

/** Uniforms, sums and counts that a call takes beside what it sends or receives, in bytes. */
const BESIDE = 6000;

/** Bytes that a message may take to or from the GPU. Elements of lists are indices, values and draws there. */
function onItsWay(route: Route, bytes: Uint8Array): number {
  // values of a sum come with their indices, and with zeros for the residual
  if (route === 'sum') return 3 * bytes.length;
  if (bytes.length === averagedBytes(bytes)) return bytes.length;
  const { compressor, n, parameters } = inspect(bytes);
  // of blockTopK k is that of a block
  const { k = 0, kept = k } = parameters as { k?: number; kept?: number };
  // as many as it guesses to be there are read before it is known how many there are
  const guessed = compressor === 'threshold' ? 8 * Math.max(4096, n / 16) : 0;
  return bytes.length + 28 * kept + guessed;
}

/** The length of a message of liecSgd that is models: those are no packets. */
const averagedBytes = ({ length }: Uint8Array): number =>
  [4 + LONG * 4, 4 + 2 * LONG * 4].find((one) => one === length) ?? 0;

/** Does something, and fails where more crosses than is allowed, to the CPU (up) or to the GPU (down). */
async function crossing<T>(
  what: string,
  work: () => Promise<T>,
  allowed: (result: T) => { readonly up: number; readonly down: number },
): Promise<T> {
  const crossings = countCrossings(gpu);
  try {
    const result = await work();
    const { written } = crossings;
    const counted = { up: crossings.bytes(), down: written };
    const most = allowed(result);
    for (const way of ['up', 'down'] as const)
      assert.ok(
        counted[way] <= most[way] + BESIDE,
        `${what}: ${counted[way]} bytes went ${way}, ${most[way]} are in messages`,
      );
    return result;
  } finally {
    crossings.stop();
  }
}

for (const place of [RANGES, VECTORS])
  for (const { label, system, momentum } of some(systems))
    test(`${label}, ${place.name}: what crosses are messages, and models where they are averaged`, async () => {
      const trained = models(LONG, WORKERS, momentum);
      const places: Vector[] = [];
      for (let rank = 0; rank < WORKERS; rank++) places.push(await place.put(new Float32Array(LONG), rank));
      const seat = { n: LONG, workers: WORKERS };
      const workers = places.map((into, rank) => system.worker(device, { ...seat, rank }, into));
      const server = system.server?.(device, seat);
      // what each worker, and the server, sent last: it is taken off what they keep when that is read next
      const last = [...workers, server].map(() => 0);
      // of systems that take models the common one is in memory: it goes down to be compared, and to its place; what
      // the packets come to comes up, for sums in float64
      const model = system.takes === 'model' ? LONG * 4 : 0;
      for (let step = 0; step < 9; step++) {
        const given = gradients(LONG, WORKERS, step);
        let messages: Message[] = [];
        for (const [rank, worker] of workers.entries()) {
          const gradient = await place.put(given[rank], rank + 1);
          const message = await crossing(
            `step ${step}, send`,
            () => worker.send(gradient, trained[rank]),
            ({ route, bytes }) => ({ up: onItsWay(route, bytes), down: last[rank] + model }),
          );
          last[rank] = onItsWay(message.route, message.bytes);
          messages.push(message);
          place.free(gradient);
        }
        while (messages.length > 0) {
          const [{ route }] = messages;
          const sizeOf = (all: readonly Uint8Array[]): number =>
            all.reduce((sum, bytes) => sum + onItsWay(route, bytes), 0);
          const inbox = await crossing(
            `step ${step}, the answer`,
            () => deliver(messages, server),
            (all) => ({
              up: sizeOf(all) + WORKERS * model,
              down: sizeOf(messages.map(({ bytes }) => bytes)) + last[WORKERS] + model,
            }),
          );
          if (route === 'server') last[WORKERS] = sizeOf(inbox);
          const next: Message[] = [];
          for (const [rank, worker] of workers.entries()) {
            const averages = worker.wantsModel ?? false;
            const outcome = await crossing(
              `step ${step}, receive`,
              () => worker.receive(inbox),
              (result) => ({
                up:
                  result.kind === 'message'
                    ? onItsWay(result.message.route, result.message.bytes) + (averages ? LONG * 4 : 0)
                    : WORKERS * model,
                down: sizeOf(inbox) + last[rank] + model,
              }),
            );
            if (outcome.kind === 'message') next.push(outcome.message);
            assert.is(outcome.kind === 'stepped', (averages || model > 0) && next.length === 0);
          }
          messages = next;
        }
      }
      for (const machine of [...workers, ...(server ? [server] : [])]) machine.free();
      places.forEach((vector) => place.free(vector));
    });

test('features of split learning on the GPU give the packet of those in memory', async () => {
  const [x] = gradients(500, 1, 0);
  const system = splitMask({ ratio: 0.05, bits: 2 });
  const [client, expected] = [system.client(device), system.client(js)];
  for (let batch = 0; batch < 2; batch++)
    for (const place of [RANGES, VECTORS]) {
      const features = await place.put(x, batch);
      assert.equal(await client.send(features), await expected.send(x));
      place.free(features);
    }
});

test('a worker says when it wants the model', async () => {
  for (const { label, system, momentum } of systems) {
    const crew = crewOf(system, 40, WORKERS);
    const trained = models(40, WORKERS, momentum);
    for (let step = 0; step < 16; step++) {
      const given = gradients(40, WORKERS, step);
      const wants = crew.workers[0].wantsModel ?? false;
      const without = await crew.workers[0].send(given[0]).then(
        () => false,
        (error: Error) => error.message.startsWith('"model" expected'),
      );
      assert.is(wants, without, `${label}, step ${step}`);
      await play(crew, given, trained);
    }
  }
});

test('what a GPU cannot take is refused before anything changes', async () => {
  const seat = { n: 100, workers: 1, rank: 0 };
  for (const { label, system } of [
    ...systems,
    { label: 'every step', system: liecSgd({ averagePeriod: 1 }) },
  ]) {
    const into = ranged(new Float32Array(100), 0);
    throws(() => system.worker(js, seat, into), TypeError, 'expected one with a GPU, got one on js');
    throws(() => system.worker(device, seat, { ...into, length: 99 }), RangeError, '"into.length" expected');
    const other = js.vector(100);
    const short = device.vector(99);
    throws(() => system.worker(device, seat, short), RangeError, '"into.length" expected');
    assert.is(device.vectors, 1, `${label}: a worker that is refused keeps nothing`);
    short.free();

    const worker = system.worker(device, seat, into);
    const state = await worker.save();
    const [bad] = gradients(100, 1, 0);
    bad[7] = NaN;
    const [model] = models(100, 1, 0);
    await rejects(worker.send(ranged(bad, 0), model), NonFiniteError, 'first at index 7');
    const given = system.takes === 'model' ? 'local' : 'gradient';
    await rejects(worker.send(ranged(bad.subarray(1), 0), model), RangeError, `"${given}.length" expected`);
    await rejects(worker.send(other, model), TypeError, 'belongs to another device');
    assert.equal(await worker.save(), state, label);
    worker.free();
    // the same on a device without a GPU
    const inMemory = system.worker(js, seat);
    await rejects(inMemory.send(ranged(bad, 0), model), TypeError, 'has no GPU buffers');
    inMemory.free();
    other.free();
    into.buffer.destroy();
  }
});

test.run();
