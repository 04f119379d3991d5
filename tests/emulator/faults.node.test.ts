/**
 * Faults planted in fewbits' shaders, each of a kind that a GPU may forgive: the emulator finds each in the mode that
 * is named with it, by a report or by words that differ from those of js, and finds nothing in the shaders as they are.
 */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { shaderText } from '../../scripts/wgsl.ts';
import { accumulateKernel } from '../../ts/kernels/accumulate.ts';
import { compactKernel } from '../../ts/kernels/compact.ts';
import { keyOfPower } from '../../ts/kernels/float-bits.ts';
import { unflattenSignsKernel } from '../../ts/kernels/flatten.ts';
import { fwhtKernel } from '../../ts/kernels/fwht.ts';
import { ORDERS } from '../../ts/kernels/order.ts';
import { packBitsKernel } from '../../ts/kernels/pack.ts';
import { randomBitsKernel } from '../../ts/kernels/random.ts';
import { absSumKernel, extremesKernel, squareSumKernel } from '../../ts/kernels/reduce.ts';
import { scanKernel } from '../../ts/kernels/scan.ts';
import { topKKernel } from '../../ts/kernels/select.ts';
import { gatherKernel } from '../../ts/kernels/sparse.ts';
import { input, randomWords } from '../support/inputs.ts';
import { assertSameWords, kernelCase, type Case } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { FindingsError, openEmulated } from './fewbits.ts';
import { modeNamed, MODES } from './modes.ts';

const N = 5003;
const x = input('normal', N);
const tiny = input('subnormal', N);

const sumsOf = (kernel: typeof absSumKernel, x: Float32Array, power: number): Case => {
  const params = { n: N, segment: 100, tiny: keyOfPower(power), scale: 1 };
  return kernelCase(kernel, 'sum', { x }, { sums: 51, max: 51 }, params);
};
const accumulated = (x: Float32Array, scale: number): Case => ({
  label: 'accumulate',
  kernel: accumulateKernel,
  inputs: { x },
  changed: { y: x },
  outputs: {},
  params: { n: N, scale },
});
const decodedAdded: Case = {
  label: 'added',
  kernel: unflattenSignsKernel,
  inputs: { bits: randomWords(160), scales: input('normal', 80).map(Math.abs) },
  changed: { y: x },
  outputs: {},
  params: { n: N, total: 5120, block: 64, seed: 1, step: 2, stream: 3, add: 1, factor: Math.fround(0.3) },
};
const indices = randomWords(300).map((word) => word % N);
const bits = randomWords(Math.ceil(N / 32));
const top = { n: N, k: 50, order: ORDERS.magnitude };
const block = 2 ** 13;

const CASES = {
  absSum: sumsOf(absSumKernel, x, -102),
  absSumOfTiny: sumsOf(absSumKernel, tiny, -102),
  squareSum: sumsOf(squareSumKernel, x, -51),
  extremes: kernelCase(extremesKernel, '', { x }, { range: 2 }, { n: N, order: ORDERS.value }),
  topK: kernelCase(topKKernel, '', { x }, { indices: 50, values: 50 }, top),
  scan: kernelCase(scanKernel, '', { x: randomWords(N) }, { sums: N, total: 1 }, { n: N }),
  gather: kernelCase(gatherKernel, '', { x, indices }, { values: 300 }, { n: N, count: 300 }),
  accumulate: accumulated(x, Math.fround(0.1)),
  accumulateTiny: accumulated(tiny, 2 ** 60),
  decodedAdded,
  compact: {
    ...kernelCase(compactKernel, '', { bits }, { indices: N, count: 1 }, { n: N, capacity: N }),
    defined: { indices: 2000 },
  },
  fwht: kernelCase(fwhtKernel, '', { x }, { y: block }, { n: N, total: block, block }),
  randomBits: kernelCase(randomBitsKernel, '', {}, { bits: N }, { n: N, seed: 1, step: 2, stream: 3 }),
  packBits: kernelCase(packBitsKernel, '', { codes: randomWords(N) }, { packed: 1564 }, { n: N, width: 10 }),
} satisfies Record<string, Case>;

interface Fault {
  readonly name: string;
  /** The file in wgsl/, and its text that is changed where it first occurs. */
  readonly stem: string;
  readonly from: string;
  readonly to: string;
  readonly case: keyof typeof CASES;
  readonly mode: string;
  /** What is reported; where it is left out, words differ. */
  readonly reported?: string;
  /** A mode in which it is not found. */
  readonly unseen?: string;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'squares uncut',
    stem: 'reduce',
    from: 'bitcast<f32>(bitcast<u32>(magnitude) & HIGH_MASK)',
    to: 'magnitude',
    case: 'squareSum',
    mode: 'contraction',
  },
  {
    name: 'a product that a compiler may fuse with its sum',
    stem: 'accumulate',
    from: 'sumsOf(own, terms)',
    to: 'bitcast<vec4u>(bitcast<vec4f>(own) + bitcast<vec4f>(vec4u(x[at.x], x[at.y], x[at.z], x[at.w])) * p.scale)',
    case: 'accumulate',
    mode: 'contraction',
    unseen: 'order',
  },
  {
    name: 'two products that a compiler may draw into one',
    stem: 'reduce',
    from: 'return rounded(rounded(sum + high * high) + high * (low + low));',
    to: 'return sum + high * high + high * (low + low);',
    case: 'squareSum',
    mode: 'factoring',
  },
  {
    name: 'a product that a compiler may join to the sum behind it',
    stem: 'flatten-decode',
    from: 'bitcast<vec4f>(found) + bitcast<vec4f>(term)',
    to: 'bitcast<vec4f>(found) + p.factor * bitcast<vec4f>(by)',
    case: 'decodedAdded',
    mode: 'contraction',
  },
  {
    name: 'a sum whose order a compiler may choose',
    stem: 'reduce',
    from: 'sum = sumOf(sum, counted(keys));',
    to: 'let terms = counted(keys);\n    for (var j = 0u; j < 4u; j++) { sum = sum + terms[j]; }',
    case: 'absSum',
    mode: 'accumulators',
  },
  {
    name: 'the sign of a zero left to the compiler',
    stem: 'reduce',
    from: 'bitcast<u32>(parts[t]) & MAGNITUDE',
    to: 'bitcast<u32>(parts[t])',
    case: 'absSumOfTiny',
    mode: 'negative-zero',
  },
  {
    name: 'a barrier dropped before a fold',
    stem: 'reduce',
    from: 'keys[t] = key;\n  workgroupBarrier();',
    to: 'keys[t] = key;',
    case: 'absSum',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'a barrier dropped within a fold',
    stem: 'reduce',
    from: '    }\n    workgroupBarrier();\n  }\n  if (lane == 0u',
    to: '    }\n  }\n  if (lane == 0u',
    case: 'absSum',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'a barrier dropped between zeroing and counting',
    stem: 'select',
    from: 'atomicStore(&near[b], 0u);\n  }\n  workgroupBarrier();',
    to: 'atomicStore(&near[b], 0u);\n  }',
    case: 'topK',
    mode: 'order',
    reported: 'never written',
  },
  {
    name: 'a barrier of workgroup memory where storage memory is ordered',
    stem: 'select-candidates',
    from: 'before.y;\n  }\n  storageBarrier();',
    to: 'before.y;\n  }\n  workgroupBarrier();',
    case: 'topK',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'bins not zeroed',
    stem: 'select',
    from: 'atomicStore(&near[b], 0u);',
    to: '',
    case: 'topK',
    mode: 'order',
    reported: 'never written',
  },
  {
    name: 'an atomic that starts from what is there',
    stem: 'reduce',
    from: 'atomicStore(&least, lowest);',
    to: '',
    case: 'extremes',
    mode: 'order',
    reported: 'never written',
  },
  {
    name: 'a guard dropped: reads and writes behind the end',
    stem: 'sparse',
    from: 'if (j < p.count) {',
    to: 'if (j < p.count + 9u) {',
    case: 'gather',
    mode: 'order',
    reported: 'out of bounds',
  },
  {
    name: 'a guard dropped in the last tile',
    stem: 'random',
    from: 'if (base + i < p.n) {',
    to: 'if (true) {',
    case: 'randomBits',
    mode: 'backwards',
    reported: 'out of bounds',
  },
  {
    name: 'a guard dropped: workgroup memory',
    stem: 'pack',
    from: 'w < words && tile * words + w < end',
    to: 'w < words + p.width && tile * words + w < end',
    case: 'packBits',
    mode: 'order',
    reported: 'out of bounds',
  },
  {
    name: 'a flush dropped: of operands',
    stem: 'accumulate',
    from: 'bitcast<vec4f>(flushed(bits)) * scale',
    to: 'bitcast<vec4f>(bits) * scale',
    case: 'accumulateTiny',
    mode: 'flush-random',
  },
  {
    name: 'a flush dropped: of sums',
    stem: 'reduce',
    from: 'select(keys, vec4u(0u), keys < vec4u(p.tiny))',
    to: 'keys',
    case: 'absSumOfTiny',
    mode: 'flush',
  },
  {
    name: 'a sum that starts from what was there',
    stem: 'scan',
    from: '  if (t % ROW == ROW - 1u) {\n    rows[t / ROW] = before + own;\n  }',
    to: '  if (t % ROW == ROW - 1u && t > ROW) {\n    rows[t / ROW] = before + own;\n  }',
    case: 'scan',
    mode: 'order',
    reported: 'never written',
  },
  {
    name: 'storage memory changed in place without its barrier',
    stem: 'fwht',
    from: 'workgroupBarrier();\n  storageBarrier();',
    to: 'workgroupBarrier();',
    case: 'fwht',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'a barrier dropped before memory is used again',
    stem: 'flatten-decode',
    from: 'stages >> 8u);\n  workgroupBarrier();',
    to: 'stages >> 8u);',
    case: 'decodedAdded',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'an element read in the place of one beyond, which another thread writes',
    stem: 'flatten-decode',
    from: 'select(vec4u(places.x), places, places < vec4u(p.n))',
    to: 'min(places, vec4u(p.n - 1u))',
    case: 'decodedAdded',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'two workgroups that write one word',
    stem: 'reduce',
    from: 'sums[p.place + number] = bitcast<u32>(parts[t])',
    to: 'sums[p.place] = bitcast<u32>(parts[t])',
    case: 'absSum',
    mode: 'order',
    reported: 'race',
  },
  {
    name: 'the size of a subgroup taken for known',
    stem: 'scan-subgroups',
    from: 'if (t % size == size - 1u) {\n    parts[t / size]',
    to: 'if (t % 32u == 31u) {\n    parts[t / 32u]',
    case: 'scan',
    mode: 'subgroups-4',
    reported: 'never written',
    unseen: 'subgroups-32',
  },
  {
    name: 'room for the subgroups of the usual size alone',
    stem: 'scan-subgroups',
    from: 'array<u32, WIDTH / LEAST>',
    to: 'array<u32, WIDTH / 32u>',
    case: 'scan',
    mode: 'subgroups-8',
    reported: 'out of bounds',
    unseen: 'subgroups-64',
  },
  {
    name: 'a shuffle that only some lanes reach',
    stem: 'reduce-subgroups',
    from: '    sum = rounded(sum + subgroupShuffleXor(sum, h));',
    to: '    if (lane < 2u * h) { sum = rounded(sum + subgroupShuffleXor(sum, h)); }',
    case: 'absSum',
    mode: 'subgroups-32',
    reported: 'subgroup operation that some lanes miss',
  },
  {
    name: 'threads that return before a barrier',
    stem: 'random',
    from: '  tile[at] = hash.x;',
    to: '  if (t > 250u) { return; }\n  tile[at] = hash.x;',
    case: 'randomBits',
    mode: 'order',
    reported: 'barrier in non-uniform control flow',
  },
];

/** What goes wrong: a report, or words that differ; undefined where nothing does. */
async function found(fault: Pick<Fault, 'case'> & Partial<Fault>, mode: string): Promise<string | undefined> {
  const change = (stem: string, source: string): string => {
    if (fault.from === undefined || stem !== fault.stem) return source;
    const text = shaderText(stem);
    assert.ok(text.includes(fault.from), `${fault.name}: wgsl/${stem}.wgsl does not hold ${fault.from}`);
    return text.replace(fault.from, () => fault.to ?? '');
  };
  const backend = openEmulated(modeNamed(mode).mode, { change });
  try {
    await assertSameWords(backend, [CASES[fault.case]]);
    return undefined;
  } catch (error) {
    if (error instanceof FindingsError) return error.findings.map(({ kind }) => kind).join(', ');
    if (error instanceof assert.Assertion) return 'words differ';
    throw error;
  }
}

const faults = suite('emulator, faults planted in the shaders');

for (const fault of FAULTS)
  faults(`${fault.name}, in ${fault.mode}`, async () => {
    const seen = await found(fault, fault.mode);
    assert.ok(seen?.includes(fault.reported ?? 'words differ'), `found: ${seen}`);
    if (fault.unseen !== undefined) assert.is(await found(fault, fault.unseen), undefined, fault.unseen);
  });

faults('nothing is found in the shaders as they are', async () => {
  const tried = new Set(FAULTS.flatMap(({ case: name, mode }) => [`${name} ${mode}`]));
  for (const one of tried) {
    const [name, mode] = one.split(' ');
    assert.is(await found({ case: name as keyof typeof CASES }, mode), undefined, one);
  }
});

faults('the documentation lists every mode and every fault', () => {
  const page = readFileSync(new URL('../../docs/same-bytes.md', import.meta.url), 'utf8');
  for (const { name } of MODES) assert.ok(page.includes(`| \`${name}\``), `mode ${name}`);
  for (const { name, stem, mode } of FAULTS)
    assert.match(page, new RegExp(`\\| ${name} +\\| \`${stem}\` +\\| \`${mode}\``), name);
});

faults.run();
