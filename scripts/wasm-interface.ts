/**
 * The binary interface of the modules, as TypeScript: from the declarations that asc writes of what a module exports
 * (`--bindings raw`), ts/generated/wasm-exports.ts with a function for each export that takes its arguments by name.
 */

/**
 * An export of assembly/index.ts: its file there, its parameters in order, and its types as AssemblyScript has them.
 */
interface Signature {
  readonly name: string;
  readonly file: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

/** What JavaScript makes of a result: engines give all integers of 32 bits as signed ones. */
const RESULTS: Readonly<Record<string, { readonly type: string; readonly of: (call: string) => string }>> = {
  void: { type: 'void', of: (call) => `${call};` },
  u32: { type: 'number', of: (call) => `return ${call} >>> 0;` },
  usize: { type: 'number', of: (call) => `return ${call} >>> 0;` },
  f64: { type: 'number', of: (call) => `return ${call};` },
  bool: { type: 'boolean', of: (call) => `return ${call} !== 0;` },
};

/** Types of parameters that a JavaScript number is passed as. */
const PARAMETERS = ['u32', 'usize', 'f32', 'f64'];

/**
 * The exports that asc declares.
 * @throws Error where a declaration is not one of a function over numbers
 */
export function signaturesOf(declarations: string): Signature[] {
  const found = [...declarations.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export function (\w+)\(/g)];
  const signatures = found.map(([, doc, name]): Signature => {
    const parameters = [...doc.matchAll(/@param (\w+) `([^`]+)`/g)].map(([, name, type]) => ({ name, type }));
    const [, file = ''] = /\* (assembly\/[\w-]+)\//.exec(doc) ?? [];
    const [, result = 'void'] = /@returns `([^`]+)`/.exec(doc) ?? [];
    const odd = [...parameters.map(({ type }) => type).filter((type) => !PARAMETERS.includes(type))];
    if (!(result in RESULTS)) odd.push(result);
    if (odd.length > 0) throw new Error(`${name} has the type ${odd.join(', ')}, which has no binding`);
    return { name, file: `${file}.ts`, parameters, result };
  });
  const all = declarations.match(/^ *export (?!declare)/gm)?.length ?? 0;
  if (all !== signatures.length) throw new Error(`read ${signatures.length} of ${all} exports`);
  return signatures;
}

/** @throws Error where an export of `part` is missing in `whole`, or is another there */
export function requireSame(part: readonly Signature[], whole: readonly Signature[]): void {
  const texts = new Set(whole.map((signature) => JSON.stringify(signature)));
  for (const signature of part)
    if (!texts.has(JSON.stringify(signature)))
      throw new Error(`${signature.name} is not the same in all modules`);
}

/** The text of ts/generated/wasm-exports.ts. */
export function interfaceOf(signatures: readonly Signature[]): string {
  const sorted = [...signatures].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `/** What the modules of assembly/ export, called by the names of its parameters there. Made by scripts/wasm.ts. */

/** The exports as an instance has them. Pointers are bytes. */
export interface Exports {
${sorted.map(declarationOf).join('\n')}
}

/** The names that a module must export to be one of fewbits. */
export const EXPORTS: readonly (keyof Exports)[] = [
${sorted.map(({ name }) => `  '${name}',`).join('\n')}
];

/** Arguments by name. */
type Named<Names extends string> = Readonly<Record<Names, number>>;
${sorted.map(functionOf).join('')}`;
}

function declarationOf({ name, parameters, result }: Signature): string {
  const list = parameters.map(({ name }) => `${name}: number`).join(', ');
  return `  ${name}(${list}): ${result === 'void' ? 'void' : 'number'};`;
}

function functionOf({ name, file, parameters, result }: Signature): string {
  const types = parameters.map(({ name, type }) => `${name}: ${type}`).join(', ');
  const names = parameters.map(({ name }) => name).join(', ');
  const union = parameters.map(({ name }) => `'${name}'`).join(' | ');
  const given = parameters.length === 0 ? '' : `, { ${names} }: Named<${union}>`;
  const { type, of } = RESULTS[result];
  return `
/** ${name}(${types}): ${result} of ${file} */
export function ${name}(wasm: Exports${given}): ${type} {
  ${of(`wasm.${name}(${names})`)}
}
`;
}
