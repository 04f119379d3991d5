/** Fused passes of the wasm backend: programs of any kernels in any order leave the words that js leaves. */
import * as assert from 'uvu/assert';
import { accumulateKernel, clearKernel, TINY } from '../../ts/kernels/accumulate.ts';
import { compensateKernel } from '../../ts/kernels/compensate.ts';
import { addSignsKernel, packedWords, packSignsKernel, unpackSignsKernel } from '../../ts/kernels/pack.ts';
import { addLookupKernel, lookupKernel } from '../../ts/kernels/quantize.ts';
import { absSumKernel, extremesKernel } from '../../ts/kernels/reduce.ts';
import { addAtKernel, placeKernel, scatterKernel } from '../../ts/kernels/sparse.ts';
import { input, randomWords, share, words } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { openLogged, N, LONG, type Program, step, type Memory, assertAsJs, someIndices } from './fused.ts';

const test = suite('programs of fused passes');

/** Steps that follow from a seed: any buffers in any place that their kinds allow. */
function randomProgram(n: number, seed: number): { program: Program; memory: Memory } {
  const next = words(seed);
  const any = <T>(list: readonly T[]): T => list[next() % list.length];
  const vectors = ['v0', 'v1', 'v2', 'v3'];
  const inputs = [...vectors, 'lent0', 'lent1'];
  const indices = [someIndices(n, seed), someIndices(n, seed + 1000).slice(0, 5)];
  const memory: Record<string, Float32Array | Uint32Array> = {
    ...{ bits0: randomWords(packedWords(n, 4), seed), bits1: randomWords(packedWords(n, 4), seed + 1) },
    ...{ list0: indices[0], list1: indices[1], keys: new Uint32Array(2), range: new Uint32Array(2) },
    ...{ sums: input('normal', Math.ceil(n / 1024)), max: input('normal', Math.ceil(n / 1024)) },
  };
  for (const [i, name] of inputs.entries()) memory[name] = input('normal', n, seed + i);
  const apart = (list: readonly string[], taken: readonly string[]): string =>
    any(list.filter((name) => !taken.includes(name)));
  const steps: (() => Program[number])[] = [
    () => step(clearKernel, { y: any(vectors) }, { n }),
    () => {
      const y = any([...vectors, 'lent1']);
      return step(accumulateKernel, { x: apart(inputs, [y]), y }, { n, scale: any([0.5, -0.75]) });
    },
    () => {
      const [y, i] = [any(vectors), next() % 2];
      const kernel = any([addAtKernel, placeKernel, scatterKernel]);
      const buffers = { indices: `list${i}`, values: apart(vectors, [y]), y };
      return step(kernel, buffers, { n, count: indices[i].length });
    },
    () => {
      const y = any([...vectors, 'lent0']);
      const segment = any([n, 1024, 1024, 4096, 1000]);
      const scales = segment === 1024 && any([true, false]) ? 'sums' : apart(vectors, [y]);
      const bits = any(['bits0', 'bits1', apart(vectors, [y, scales])]);
      return step(any([addSignsKernel, unpackSignsKernel]), { bits, scales, y }, { n, segment });
    },
    () => {
      const y = any(vectors);
      const buffers = { packed: any(['bits0', 'bits1']), table: apart(vectors, [y]), y };
      return step(any([addLookupKernel, lookupKernel]), buffers, { n, width: any([1, 2, 3, 4]) });
    },
    () => {
      const y = any(vectors);
      const error = apart(vectors, [y]);
      const x = apart(inputs, [y, error]);
      return step(compensateKernel, { x, error, y, keys: 'keys' }, { n, scale: 0.5 });
    },
    () => step(packSignsKernel, { x: any(inputs), bits: any(['bits0', 'bits1']) }, { n }),
    () => {
      const segment = any([n, 1024, 1024]);
      const sum = { n, segment, tiny: TINY, scale: 1 };
      return step(absSumKernel, { x: any(inputs), sums: 'sums', max: 'max' }, sum);
    },
    () => step(extremesKernel, { x: any(inputs), range: 'range' }, { n, order: 1 }),
  ];
  return { program: Array.from({ length: 14 }, () => any(steps)()), memory };
}

for (const [threads, n, programs] of [
  [1, N, 150],
  [3, LONG, 24],
])
  test(`any kernels in any order, on ${threads} ${threads === 1 ? 'thread' : 'threads'}`, async () => {
    const { backend, log, jobs } = await openLogged(threads);
    for (let seed = 1; seed <= share(programs); seed++) {
      const { program, memory } = randomProgram(n, seed);
      const told = program.map(([{ name }, buffers]) => `${name} ${JSON.stringify(buffers)}`);
      await assertAsJs(backend, program, memory, `seed ${seed}: ${told.join(', ')}`);
    }
    if (threads > 1) assert.ok(jobs() > 0);
    const follows = log.some((line, i) => i > 0 && line.split(' ')[1] === log[i - 1].split(' ')[1]);
    assert.ok(follows, 'some passes have several kernels');
    backend.close();
  });

test.run();
