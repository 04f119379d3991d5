/** The headers of the shaders: what they say of passes, memory and bytes moved, against the shaders and the plans. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type FunctionInfo, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { shaderText } from '../../scripts/wgsl.ts';
import { shaders } from '../../ts/generated/wgsl.ts';
import type { Kernel } from '../../ts/kernels/kernel.ts';
import { planOf } from '../../ts/kernels/plans/index.ts';
import type { Limits, Pass, Plan } from '../../ts/kernels/plans/plan.ts';
import { valueOf } from '../support/formula.ts';
import { readHeader } from '../support/headers.ts';
import { suite } from '../support/suite.ts';

const folder = fileURLToPath(new URL('../../wgsl/', import.meta.url));
const stems = readdirSync(folder)
  .filter((name) => name.endsWith('.wgsl'))
  .map((name) => name.replace('.wgsl', ''));
const sourceOf = (stem: string): string => shaderText(stem).replace(/\/\/.*/g, '');

/** Numbers of kernels that no pass and no byte depends on. */
const OTHERS = {
  seed: 1,
  step: 2,
  stream: 3,
  tiny: 5,
  scale: 1,
  order: 0,
  key: 9,
  rounding: 0,
  power: 1,
  fraction: 0,
  factor: 2,
  known: 23,
  prefix: 130,
  shift: 17,
};

/** One window for any vector here. */
const LIMITS: Limits = { bindingWords: 2 ** 28, gridWidth: 65_535 };

/**
 * Buffers that are not moved as a whole, and how many of their words are: where a list says, as many as the list has.
 * What depends on the data alone, the candidates of a selection, a header says in words.
 */
const PARTLY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  collect: { x: 'room' },
  collectTop: { x: 'room', candidates: '0' },
  gather: { x: 'count' },
  scatter: { y: 'count' },
  addAt: { y: 'count' },
  histogram: { x: 'n span / stride' },
  histogramAgain: { x: '0' },
  markTop: { candidates: '0' },
  markTopAgain: { x: '0', above: '0', aboveCounts: '0', candidates: '0' },
  refine: { x: '0', candidatesIn: '0' },
  countTop: { x: '0', candidatesIn: '0' },
  settle: { x: '0', candidatesIn: '0' },
  makeTable: { head: '0' },
  codeBlocks: { tableIn: '0', headIn: '0', halves: '0', parts: '0' },
  placeBlocks: { headIn: '0', parts: '0', size: '0' },
  joinBlocks: { headIn: '0', halvesIn: '0', partsIn: '0', sizeIn: '0' },
};

const test = suite('headers of shaders');

/** The text of a function and of all that it calls. */
function bodyOf(stem: string, entry: FunctionInfo): string {
  const lines = sourceOf(stem).split('\n');
  const called = new Set<FunctionInfo>();
  const visit = (one: FunctionInfo): void => {
    if (called.has(one)) return;
    called.add(one);
    one.calls.forEach(visit);
  };
  visit(entry);
  return [...called]
    .map(({ startLine, endLine }) => lines.slice(startLine - 1, endLine).join('\n'))
    .join('\n');
}

const BYTES: Readonly<Record<string, number>> = { u32: 4, i32: 4, f32: 4, vec2u: 8 };

/** Bytes of the workgroup variables that occur in a text. */
function workgroupBytes(stem: string, body: string, constants: Readonly<Record<string, number>>): number {
  let bytes = 0;
  for (const [, name, type] of sourceOf(stem).matchAll(/^var<workgroup> (\w+): (.+);$/gm)) {
    if (!new RegExp(`\\b${name}\\b`).test(body)) continue;
    const [, element, length = '1'] = /^array<(.+), (.+)>$/.exec(type) ?? [type, type];
    const size = BYTES[element.replace(/^atomic<(\w+)>$/, '$1')];
    assert.ok(size, `wgsl/${stem}.wgsl: ${name} is of type ${type}, whose size this test does not know`);
    bytes += size * valueOf(length.replace(/(\d)u/g, '$1'), constants);
  }
  return bytes;
}

for (const stem of stems)
  test(`${stem}: entry points, workgroup sizes and workgroup memory are those of the source`, () => {
    const reflected = new WgslReflect(sourceOf(stem));
    const constants = Object.fromEntries(reflected._constValues) as Record<string, number>;
    const { entries } = readHeader(stem);
    const own = reflected.entry.compute;
    assert.equal(Object.keys(entries).sort(), own.map(({ name }) => name).sort());
    for (const entry of own) {
      const { threads, bytes } = entries[entry.name];
      assert.is(threads, entry.workgroupSize?.[0], `${entry.name}: threads`);
      assert.is(bytes, workgroupBytes(stem, bodyOf(stem, entry), constants), `${entry.name}: bytes`);
    }
  });

test('a variant reads, writes and spreads as what it stands in for', () => {
  for (const stem of stems.filter((name) => name.endsWith('-subgroups'))) {
    const base = readHeader(stem.replace('-subgroups', '')).entries;
    for (const [name, { workgroups, read, written }] of Object.entries(readHeader(stem).entries))
      assert.equal(
        { workgroups, read, written },
        { workgroups: base[name].workgroups, read: base[name].read, written: base[name].written },
        `${name} of ${stem}`,
      );
  }
});

/** A plan that a header states, beside the one that is made. */
interface Stated {
  readonly stem: string;
  readonly said: string;
  readonly steps: readonly string[];
  readonly plan: Plan;
}

const stated: Stated[] = [];
for (const stem of stems)
  for (const { kernel, params, steps } of readHeader(stem).plans) {
    const own = (await import(`../../ts/kernels/${stem}.ts`)) as Record<string, Kernel<string, string>>;
    const given = Object.entries(params).map(([name, formula]) => [name, valueOf(formula)]);
    const numbers = { ...OTHERS, ...(Object.fromEntries(given) as Record<string, number>) };
    const plan = planOf(own[`${kernel}Kernel`], numbers, LIMITS);
    stated.push({ stem, said: `${kernel} ${JSON.stringify(params)}`, steps, plan });
  }

const isPass = (step: Plan['steps'][number]): step is Pass => 'entry' in step;

test('the passes of a plan are those that its header says', () => {
  const found = new Set<string>();
  for (const { stem, said, steps, plan } of stated) {
    const made = plan.steps.map((step) => {
      if (!isPass(step)) return `clear ${step.clear}`;
      found.add(`${step.shader}.${step.entry}`);
      return step.shader === stem ? step.entry : `${step.shader}.${step.entry}`;
    });
    assert.equal(made, steps, said);
  }
  const all = Object.entries(shaders).flatMap(([stem, { entries }]) =>
    Object.keys(entries).map((entry) => `${stem}.${entry}`),
  );
  // Only vectors beyond one binding need it.
  assert.equal(
    all.filter((entry) => !found.has(entry)),
    ['fwht.combine'],
    'entry points that no header has in a plan',
  );
});

/** Which of an entry point's buffers are read and written, by its text: atomics are counted as neither. */
function usesOf(stem: string, entry: string): Record<'read' | 'written', Set<string>> {
  const info = new WgslReflect(sourceOf(stem)).entry.compute.find(({ name }) => name === entry);
  assert.ok(info);
  const body = bodyOf(stem, info).replace(/atomic\w+\(&\w+/g, '');
  const names = info.resources.map(({ name }) => name).filter((name) => name !== 'p');
  const read = names.filter((name) => {
    const used = [...body.matchAll(new RegExp(`\\b${name}\\[.*`, 'g'))];
    return used.some(([text]) => !/^\w+\[[^=]*\] = /.test(text) || text.split(`${name}[`).length > 2);
  });
  const written = names.filter((name) => new RegExp(`^\\s*${name}\\[.*\\] [+]?= `, 'm').test(body));
  return { read: new Set(read), written: new Set(written) };
}

test('workgroups and words moved are those that the plans bind', () => {
  let compared = 0;
  for (const { said, plan } of stated)
    for (const step of plan.steps.filter(isPass)) {
      const { shader, entry, uniforms, groups } = step;
      const costs = readHeader(shader).entries[entry];
      const label = `${entry} of ${said}`;
      assert.is(Math.ceil(valueOf(costs.workgroups, uniforms)), groups, `${label}: workgroups`);
      const uses = usesOf(shader, entry);
      const wordsOf = (names: Set<string>): number =>
        [...names].reduce((sum, name) => {
          const partly = PARTLY[entry]?.[name];
          if (partly !== undefined) return sum + valueOf(partly, uniforms);
          const bound = step.bindings[name];
          return sum + (typeof bound === 'string' ? plan.scratch[bound] : bound.count);
        }, 0);
      for (const [what, formula] of [
        ['read', costs.read],
        ['written', costs.written],
      ] as const) {
        const moved = valueOf(formula, uniforms);
        const bound = wordsOf(uses[what]);
        // a few words of a grid or a state, and windows that start before what they show
        const close = Math.abs(moved - bound) <= 64 || Math.abs(moved - bound) < bound / 1000;
        if (!close) assert.unreachable(`${label}: ${moved} words ${what}, but it binds ${bound}`);
        compared++;
      }
    }
  assert.ok(compared > 100, `only ${compared} were compared`);
});

test.run();
