/** Workers of local steps on different backends, with their models in memory and on the device: one common model. */
import * as assert from 'uvu/assert';
import { diLoCo, localSteps, sparseLoCo, type System } from '../../ts/algorithms/index.ts';
import type { Vector } from '../../ts/algorithms/vectors.ts';
import { blockTopK, flattenedOneBit, randomK, type Device } from '../../ts/index.ts';
import { gradients } from '../reference/algorithms/gradients.ts';
import { vectorIn } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { deviceOn } from '../support/gpu.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const test = suite('localSteps over mixed backends');

const devices: Device[] = [];

test.before(async () => {
  for (const backend of ['js', 'wasm', 'webgpu'] as const) devices.push(await deviceOn(backend));
});

test.after(() => devices.forEach((device) => device.close()));

const blocks = blockTopK({ block: 128, k: 9 });

const systems: readonly (readonly [string, System])[] = [
  ['sparseLoCo', sparseLoCo({ compressor: blocks })],
  ['sparseLoCo by senders, clipped', sparseLoCo({ compressor: blocks, average: 'senders', clip: 'median' })],
  ['sparseLoCo through a server', sparseLoCo({ compressor: blocks, server: blocks })],
  ['diLoCo', diLoCo()],
  ['of flattened signs', localSteps({ compressor: flattenedOneBit({ seed: 3, block: 256 }), decay: 0 })],
  ['of drawn elements', localSteps({ compressor: randomK({ ratio: 0.1, seed: 2 }), average: 'senders' })],
];

/** Whose packets a round is made of; five workers, the last on the first device again. */
const FROM = [[0, 1, 2, 3], [1, 3], [0, 1, 2, 3], [2], [0, 2, 3]];
const N = 1300;

for (const [label, system] of systems)
  test(`${label}: packets, models and errors are the same bits everywhere`, async () => {
    const initial = input('normal', N, 9);
    // on each device four workers, whose packets must be those of the others
    const crews = devices.map((device) =>
      Array.from({ length: 4 }, (_, rank) => system.worker(device, { n: N, workers: 4, rank })),
    );
    const servers = devices.map((device) => system.server?.(device, { n: N, workers: 4 }));
    // and a worker whose models are on its device, and go there
    const places = devices.map((device) => ({ local: device.vector(N), into: device.vector(N) }));
    const there = devices.map((device, d) =>
      system.worker<Vector>(device, { n: N, workers: 4, rank: d }, places[d].into),
    );
    for (let round = 0; round < 6; round++) {
      const at = `round ${round}`;
      const from = FROM[round % FROM.length];
      const theta = round === 0 ? initial : (crews[0][0].parameters as Float32Array);
      const locals = gradients(N, 4, round).map((change) =>
        theta.map((value, i) => value - 0.01 * change[i]),
      );
      const options = (rank: number): object => ({
        weight: rank + 1,
        ...(round === 0 && { parameters: initial.slice() }),
      });
      const sent: Uint8Array[][] = [];
      for (const crew of crews) {
        const messages: Uint8Array[] = [];
        for (const [rank, worker] of crew.entries())
          messages.push((await worker.send(locals[rank], options(rank))).bytes.slice());
        sent.push(messages);
      }
      for (const [d, worker] of there.entries()) {
        await places[d].local.write(locals[d]);
        assert.equal((await worker.send(places[d].local, options(d))).bytes, sent[0][d], at);
        assert.equal(await places[d].local.read(), locals[d], `${at}: what is sent stays as it is`);
      }
      for (const messages of sent.slice(1)) assert.equal(messages, sent[0], at);
      // each takes the messages of workers on other devices
      let inbox = from.map((rank, i) => sent[(rank + i) % sent.length][rank]);
      if (servers[0] !== undefined) {
        const answers: Uint8Array[] = [];
        for (const server of servers) answers.push((await server?.answer(inbox, from)) as Uint8Array);
        for (const answer of answers.slice(1)) assert.equal(answer, answers[0], at);
        inbox = [answers[round % answers.length]];
      }
      const models: Float32Array[] = [];
      for (const worker of crews.flat()) {
        const outcome = await worker.receive(inbox, from);
        if (outcome.kind !== 'message') models.push((vectorIn(outcome) as Float32Array).slice());
      }
      for (const [d, worker] of there.entries()) {
        await worker.receive(inbox, from);
        models.push(await places[d].into.read());
      }
      for (const model of models.slice(1)) assert.equal(model, models[0], at);
      const errors: Float32Array[][] = [];
      for (const crew of crews) {
        const states: Float32Array[] = [];
        for (const worker of crew) states.push(readState(await worker.save()).vectors.error);
        errors.push(states);
      }
      for (const other of errors.slice(1)) assert.equal(other, errors[0], at);
      const reports = crews.map((crew) => crew.map(({ report }) => report));
      for (const other of reports.slice(1)) assert.equal(other, reports[0], at);
    }
    for (const machine of [...crews.flat(), ...there, ...servers]) machine?.free();
    for (const { local, into } of places) [local, into].forEach((vector) => vector.free());
    assert.equal(
      devices.map(({ vectors }) => vectors),
      devices.map(() => 0),
    );
  });

test.run();
