/**
 * That the kernels are fast at all: ratios of times taken in turns, with room for a machine that does other things at the
 * same time. How fast they are, `npm run bench` says.
 */
import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { Scope } from '../../ts/kernels/scope.ts';
import { suite } from '../support/suite.ts';
import { vector } from './data.ts';
import { openFloors } from './floors.ts';
import { KERNELS } from './kernels.ts';
import { plainTopK } from './plain.ts';

const test = suite('speed');

const N = 2 ** 18;
const ROUNDS = 7;
const x = vector('normal', N);
const input = { data: 'normal', x, keyOf: () => 0 } as const;

/** Milliseconds of the fastest of several calls of each, in turns. */
function fastest(...calls: readonly (() => unknown)[]): number[] {
  const least = calls.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, call] of calls.entries()) {
      const start = performance.now();
      call();
      least[i] = Math.min(least[i], performance.now() - start);
    }
  return least;
}

/** A kernel on wasm, and what takes its memory back. */
async function kernel(name: string): Promise<{ run: () => void; plain?: () => unknown; close: () => void }> {
  const task = KERNELS.find((each) => each.name === name);
  assert.ok(task, `no kernel is called ${name}`);
  const backend = await openWasm();
  const held = new Scope(backend);
  const work = task.prepare(held, held.vector(x), input);
  const run = (): void => {
    const call = new Scope(backend);
    work(call);
    call.end();
  };
  return { run, plain: task.plain?.(input), close: () => backend.close() };
}

test('topK on wasm is three times as fast as a sort', async () => {
  const { run, close } = await kernel('topK 1 %');
  const [ours, plain] = fastest(run, plainTopK(x, Math.floor(N / 100)));
  close();
  assert.ok(plain > 3 * ours, `${ours} ms, and ${plain} ms by a sort`);
});

test('fwht on wasm is three times as fast as three loops', async () => {
  const { run, plain, close } = await kernel('fwht, whole');
  const [ours, loops] = fastest(run, plain!);
  close();
  assert.ok(loops > 3 * ours, `${ours} ms, and ${loops} ms in plain JavaScript`);
});

test('signs and sums take no longer than reading six times', async () => {
  const { read } = await openFloors(x);
  const { run, close } = await kernel('signs and sums');
  const [ours, floor] = fastest(run, read);
  close();
  assert.ok(ours < 6 * floor, `${ours} ms, and ${floor} ms to read`);
});

test.run();
