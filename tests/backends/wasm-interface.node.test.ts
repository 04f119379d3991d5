/** The generated interface of the wasm modules: complete, and in the order of the parameters in assembly/. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { interfaceOf, requireSame, signaturesOf } from '../../scripts/wasm-interface.ts';
import { compile, unpack } from '../../ts/backends/wasm/compile.ts';
import * as generated from '../../ts/generated/wasm-exports.ts';
import { bytes as scalar } from '../../ts/generated/wasm-scalar.ts';
import { bytes as simd } from '../../ts/generated/wasm-simd.ts';
import { bytes as sparse } from '../../ts/generated/wasm-sparse.ts';
import { suite } from '../support/suite.ts';

const test = suite('the interface of the wasm modules');

const { EXPORTS, ...calls } = generated;

test('all that the modules export, and nothing else', async () => {
  const namesOf = async (text: string): Promise<string[]> =>
    WebAssembly.Module.exports(await compile(await unpack(text))).map(({ name }) => name);
  for (const text of [simd, scalar]) assert.equal((await namesOf(text)).sort(), [...EXPORTS].sort());
  const own = await namesOf(sparse);
  assert.ok(own.includes('topK') && own.length < EXPORTS.length);
  for (const name of own) assert.ok((EXPORTS as readonly string[]).includes(name), name);
  assert.equal(Object.keys(calls).sort(), [...EXPORTS].sort());
});

/** The parameters of the functions that assembly/ exports, as they are written. */
function writtenParameters(): Map<string, string[]> {
  const folder = fileURLToPath(new URL('../../assembly/', import.meta.url));
  const found = new Map<string, string[]>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts')))
    for (const [, name, list] of readFileSync(folder + file, 'utf8').matchAll(
      /^export function (\w+)\(([^)]*)\)/gm,
    ))
      found.set(
        name,
        [...list.matchAll(/(\w+):/g)].map(([, parameter]) => parameter),
      );
  return found;
}

test('arguments by name come in the order of the parameters', () => {
  const written = writtenParameters();
  for (const name of EXPORTS) {
    const parameters = written.get(name)!;
    const passed: number[] = [];
    const record = (...values: number[]): number => (passed.push(...values), -1);
    // given in another order, so that only their names tell
    const reversed = parameters.map((parameter, i) => [parameter, i] as const).reverse();
    const args: Record<string, number> = Object.fromEntries(reversed);
    const call = calls[name] as (wasm: object, args: object) => number | boolean | undefined;
    const result = call({ [name]: record }, args);
    assert.equal(passed, [...parameters.keys()], name);
    // integers are unsigned
    assert.ok([undefined, true, 2 ** 32 - 1].includes(result), `${name} gives ${result}`);
  }
});

const declared = (name: string, doc: string): string => `/**\n * assembly/stem/${name}\n${doc} */
  export function ${name}(x: number): void;\n`;

test('what has no binding is refused, as are modules that differ', () => {
  const one = signaturesOf(declared('one', ' * @param x `usize`\n'));
  assert.match(interfaceOf(one), /export function one\(wasm: Exports, \{ x \}: Named<'x'>\): void/);
  assert.throws(
    () => signaturesOf(declared('one', ' * @param x `~lib/string/String`\n')),
    /one has the type ~lib/,
  );
  assert.throws(() => signaturesOf(declared('one', ' * @param x `i64`\n')), /one has the type i64/);
  assert.throws(() => signaturesOf('  export const memory: WebAssembly.Memory;\n'), /read 0 of 1 exports/);
  requireSame(one, one);
  const other = signaturesOf(declared('one', ' * @param y `usize`\n'));
  assert.throws(() => requireSame(one, other), /one is not the same in all modules/);
});

test.run();
