/**
 * Reads wgsl/*.wgsl and writes ts/generated/wgsl.ts: the shaders' text, and for each entry point its bindings and
 * uniforms, so that nobody keeps two lists by hand. What does not fit together stops the build, with file and line.
 *
 * Functions that several shaders have in common lie in wgsl/lib/: a shader's header names their files after "Library",
 * and they are put behind it, so that its own lines stay where they are.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type FunctionInfo, type VariableInfo, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';

const root = new URL('../', import.meta.url);
const output = new URL('ts/generated/wgsl.ts', root);
const VARIANT = '-subgroups';

interface Binding {
  readonly binding: number;
  readonly access: 'read' | 'read_write';
}
interface Uniform {
  readonly offset: number;
  readonly type: 'u32' | 'f32';
}
interface Entry {
  readonly workgroupSize: number;
  readonly bindings: Record<string, Binding>;
  readonly uniforms: Record<string, Uniform>;
  readonly uniformBytes: number;
}
interface Shader {
  readonly stem: string;
  readonly source: string;
  readonly entries: Record<string, Entry>;
  readonly constants: Record<string, number>;
}

/** Generates ts/generated/wgsl.ts. Rejects where a shader is not right, naming file, line and reason. */
export async function generateWgsl(): Promise<void> {
  const folder = new URL('wgsl/', root);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wgsl')).sort();
  const shaders: Shader[] = [];
  const variants: Shader[] = [];
  for (const name of names) {
    const stem = name.slice(0, -'.wgsl'.length);
    const shader = reflect(stem, shaderText(stem));
    (stem.endsWith(VARIANT) ? variants : shaders).push(shader);
  }
  for (const shader of shaders) await checkConstants(shader);
  for (const variant of variants) checkVariant(variant, shaders);
  await mkdir(new URL('.', output), { recursive: true });
  const text = moduleText(shaders, variants);
  // others may be reading it
  if ((await readFile(output, 'utf8').catch(() => '')) !== text) await writeFile(output, text);
}

/** The text of a shader with its library behind it. */
export function shaderText(stem: string): string {
  const read = (name: string): string => readFileSync(new URL(`wgsl/${name}.wgsl`, root), 'utf8');
  const own = read(stem);
  const names = /^\/\/ Library +(.+)$/m.exec(own)?.[1].split(', ') ?? [];
  return [own, ...names.map((name) => read(`lib/${name}`))].join('\n');
}

function fail(stem: string, line: number, reason: string): never {
  throw new Error(`wgsl/${stem}.wgsl:${line}: ${reason}`);
}

/** The line on which `pattern` first occurs. */
function lineOf(source: string, pattern: RegExp): number {
  return source.slice(0, Math.max(source.search(pattern), 0)).split('\n').length;
}

function reflect(stem: string, text: string): Shader {
  const source = withoutComments(text);
  const shader = parse(stem, source);
  const lines = source.split('\n');
  const entries: Record<string, Entry> = {};
  for (const entry of shader.entry.compute) entries[entry.name] = reflectEntry(stem, entry, lines);
  if (Object.keys(entries).length === 0) fail(stem, 1, 'has no compute entry point');
  const override = lineOf(source, /\boverride\b/);
  if (/\boverride\b/.test(source))
    fail(stem, override, 'sizes are consts here: Safari miscompiles arrays sized by override');
  return { stem, source, entries, constants: Object.fromEntries(shader._constValues) };
}

function parse(stem: string, source: string): WgslReflect {
  try {
    return new WgslReflect(source);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const line = Number(/line:? ?(\d+)/i.exec(message)?.[1] ?? 1);
    fail(stem, line, message);
  }
}

function reflectEntry(stem: string, entry: FunctionInfo, lines: readonly string[]): Entry {
  const wrong = (reason: string): never => fail(stem, entry.startLine, `entry point ${entry.name} ${reason}`);
  const size = entry.workgroupSize ?? wrong('has no workgroup size');
  if (size[1] !== 1 || size[2] !== 1) wrong('has a workgroup of more than one dimension');
  const resources = [...entry.resources].sort((a, b) => a.binding - b.binding);
  for (const { group, name } of resources)
    if (group !== 0) wrong(`uses ${name} of group ${group}: all is in group 0`);
  const uniform = resources.find(({ binding }) => binding === 0);
  const used = membersUsed(entry, lines);
  const storage = resources.filter((resource) => resource !== uniform);
  if (uniform && (uniform.name !== 'p' || !uniform.isStruct || uniform.members === null))
    wrong(`has ${uniform.name} at binding 0, where a uniform struct named p belongs`);
  if (!uniform && used.size > 0) wrong('has no uniform p at binding 0');
  const bindings: Record<string, Binding> = {};
  for (const resource of storage)
    bindings[resource.name] = { binding: resource.binding, access: accessOf(resource, wrong) };
  const uniforms: Record<string, Uniform> = {};
  for (const { name, offset, type } of uniform?.members ?? []) {
    if (!used.has(name)) continue;
    if (type.name !== 'u32' && type.name !== 'f32')
      wrong(`reads p.${name} of type ${type.name}, neither u32 nor f32`);
    uniforms[name] = { offset, type: type.name as Uniform['type'] };
  }
  for (const name of used) if (!(name in uniforms)) wrong(`reads p.${name}, which p has not`);
  return { workgroupSize: size[0], bindings, uniforms, uniformBytes: uniform?.size ?? 0 };
}

function accessOf({ name, access }: VariableInfo, wrong: (reason: string) => never): Binding['access'] {
  return access === 'read' || access === 'read_write' ? access : wrong(`has ${name} with access "${access}"`);
}

/** The members of p that an entry point reads, itself or in a function that it calls: wgsl_reflect does not say. */
function membersUsed(entry: FunctionInfo, lines: readonly string[]): Set<string> {
  const used = new Set<string>();
  const seen = new Set<FunctionInfo>();
  const visit = (called: FunctionInfo): void => {
    if (seen.has(called)) return;
    seen.add(called);
    const body = lines.slice(called.startLine - 1, called.endLine).join('\n');
    for (const [, name] of body.matchAll(/(?<![\w.])p\.(\w+)/g)) used.add(name);
    called.calls.forEach(visit);
  };
  visit(entry);
  return used;
}

/** A const that the kernel's TypeScript exports under the same name has the same value there. */
async function checkConstants({ stem, source, constants }: Shader): Promise<void> {
  const [family] = stem.split('-');
  for (const file of [family, 'float-bits']) {
    const module = (await import(new URL(`ts/kernels/${file}.ts`, root).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(constants)) {
      const known = module[name];
      if (typeof known === 'number' && known !== value)
        fail(
          stem,
          lineOf(source, new RegExp(`\\bconst ${name}\\b`)),
          `const ${name} is ${value}, but ${known} in ts/kernels/${file}.ts`,
        );
    }
  }
}

/** Entry points of a variant take what those of the same name in its base take, and run as many threads. */
function checkVariant({ stem, source, entries }: Shader, shaders: readonly Shader[]): void {
  const base = shaders.find((shader) => stem === shader.stem + VARIANT);
  if (!base) fail(stem, 1, `is a variant of wgsl/${stem.slice(0, -VARIANT.length)}.wgsl, which is not there`);
  for (const [name, entry] of Object.entries(entries)) {
    const line = lineOf(source, new RegExp(`\\bfn ${name}\\b`));
    if (!(name in base.entries)) fail(stem, line, `entry point ${name} is not in wgsl/${base.stem}.wgsl`);
    const own = JSON.stringify(entry);
    const expected = JSON.stringify(base.entries[name]);
    if (own !== expected)
      fail(stem, line, `entry point ${name} is ${own}, but ${expected} in wgsl/${base.stem}.wgsl`);
  }
}

/**
 * The text without comments and indentation. Lines stay where they are, so that the compiler's messages point right.
 */
function withoutComments(text: string): string {
  const lines = text.replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, '')).split('\n');
  return lines.map((line) => line.replace(/\/\/.*/, '').trim()).join('\n');
}

/**
 * The text without spaces that part nothing: those between two words, and between two signs, which could make a third
 * one, stay. Lines stay too.
 */
function withoutSpaces(text: string): string {
  return text.replace(/(\S)[ \t]+(?=(\S))/g, (_, before: string, after: string) => {
    const [left, right] = [before, after].map((sign) =>
      /\w/.test(sign) ? 'word' : /[(){}[\],;]/.test(sign) ? '' : 'sign',
    );
    return left !== '' && left === right ? `${before} ` : before;
  });
}

/**
 * The module: first all sources, side by side, so that what compresses the bundle sees what they share; then the
 * tables.
 */
function moduleText(shaders: readonly Shader[], variants: readonly Shader[]): string {
  const nameOf = (stem: string): string => stem.replaceAll('-', '_');
  const sources = [...shaders, ...variants].map(
    ({ stem, source }) => `const ${nameOf(stem)}: string = ${literal(withoutSpaces(source))};\n`,
  );
  const base = shaders.map(
    ({ stem, entries }) =>
      `  ${literal(stem)}: { source: ${nameOf(stem)} as string, entries: ${literal(entries)} },\n`,
  );
  const faster = variants.map(
    ({ stem, entries }) =>
      `  ${literal(stem.slice(0, -VARIANT.length))}: { source: ${nameOf(stem)} as string, entries: ${literal(Object.keys(entries))} },\n`,
  );
  return [
    '/** Made by scripts/wgsl.ts from wgsl/: the shaders, and what each entry point takes. */\n',
    ...sources,
    `\nexport const shaders = {\n${base.join('')}} as const;\n\n`,
    '/** Entry points that give the same words by means of subgroups, by the shader that they can stand in for. */\n',
    `export const subgroupShaders = {\n${faster.join('')}} as const;\n`,
  ].join('');
}

function literal(value: unknown): string {
  return JSON.stringify(value);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await generateWgsl();
