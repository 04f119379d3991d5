/** Runs small programs in WGSL, for the tests of the emulator itself. */
import { Emulator } from './emulator.ts';
import type { Finding } from './findings.ts';
import type { Mode } from './mode.ts';

export interface Result {
  readonly words: Uint32Array;
  readonly floats: Float32Array;
  readonly findings: readonly Finding[];
}

/** Runs entry point `main` of a program that has x: array<f32> and y: array<f32> or others of words. */
export function run(
  source: string,
  mode: Mode,
  x: Float32Array | Uint32Array | readonly number[] = [0],
  options: {
    readonly length?: number;
    readonly groups?: number;
    readonly uniforms?: Record<string, number>;
  } = {},
): Result {
  const { length = 1, groups = 1, uniforms = {} } = options;
  const emulator = new Emulator(mode);
  const input = x instanceof Uint32Array ? x : new Uint32Array(Float32Array.from(x).buffer);
  const given = emulator.memory(input.length);
  given.write(input);
  const output = emulator.memory(length);
  emulator.dispatch({
    label: 'program',
    source,
    entry: 'main',
    groups: [groups, 1, 1],
    bindings: {
      x: { memory: given, first: 0, count: input.length },
      y: { memory: output, first: 0, count: length },
    },
    uniforms,
  });
  return { words: output.words, floats: output.floats, findings: emulator.findings.take() };
}

const FLOATS = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
`;
export const WORDS: string = FLOATS.replaceAll('f32', 'u32');
export const one = (body: string): string => `${FLOATS}@compute @workgroup_size(1) fn main() { ${body} }`;
export const many = (size: number, body: string, before = ''): string =>
  `${WORDS}${before}
  @compute @workgroup_size(${size})
  fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) id: vec3u) { ${body} }`;
export const kinds = ({ findings }: Result): string[] => [...new Set(findings.map(({ kind }) => kind))];
