/**
 * A plan as a file, JSON: a list of rules, or an object with `rules`, `small` and `tiny`. A rule has `match`, a name, a
 * pattern with `*`, or an expression as `/bias|norm/i`; `compressor`, as on the command line; and perhaps `together`.
 */
import type { PlanOptions, PlanRule } from '../compressors/tensor-rules.ts';
import { member, parseJson, type Json } from '../files/json.ts';
import { escaped, quoted } from '../files/quote.ts';
import { readBytes } from './files.ts';
import { examples, parseCompressor } from './specification.ts';
import { UsageError } from './usage.ts';

/** Rules and what small tensors are. */
export interface PlanFile {
  readonly rules: readonly PlanRule[];
  readonly options: PlanOptions;
}

/** Whether a specification is the name of a plan's file. */
export const isPlanFile = (spec: string): boolean => spec.endsWith('.json');

/** @throws Error or UsageError that says what is wrong, and in which rule */
export async function readPlan(path: string): Promise<PlanFile> {
  const bytes = await readBytes(path);
  try {
    return parsePlan(bytes);
  } catch (error) {
    throw new UsageError(`the plan ${escaped(path)} makes no sense: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws Error or UsageError that says what is wrong, and in which rule */
export function parsePlan(bytes: Uint8Array): PlanFile {
  const json = parseJson(bytes);
  if (isList(json)) return { rules: json.map(ruleOf), options: {} };
  if (!(json instanceof Map)) throw new Error('it is neither a list of rules nor an object');
  requireKeys('it', json as ReadonlyMap<string, Json>, ['rules', 'small', 'tiny']);
  const [rules, small, tiny] = ['rules', 'small', 'tiny'].map((key) => member(json, key));
  if (!isList(rules)) throw new Error('"rules" is no list');
  if (small !== undefined && typeof small !== 'boolean') throw new Error('"small" is neither true nor false');
  if (tiny !== undefined && typeof tiny !== 'number') throw new Error('"tiny" is no integer from 0');
  return {
    rules: rules.map(ruleOf),
    options: { ...(small !== undefined && { small }), ...(tiny !== undefined && { tiny }) },
  };
}

const isList = (json: Json | undefined): json is readonly Json[] => Array.isArray(json);

function requireKeys(what: string, object: ReadonlyMap<string, Json>, keys: readonly string[]): void {
  for (const key of object.keys())
    if (!keys.includes(key))
      throw new Error(`${what} has a key ${quoted(key)}; known are ${keys.join(', ')}`);
}

function ruleOf(json: Json, i: number): PlanRule {
  const what = `rule ${i}`;
  if (!(json instanceof Map)) throw new Error(`${what} is no object with match and compressor`);
  requireKeys(what, json as ReadonlyMap<string, Json>, ['match', 'compressor', 'together']);
  const [match, spec, together = false] = ['match', 'compressor', 'together'].map((key) => member(json, key));
  if (typeof match !== 'string')
    throw new Error(`${what} has no "match": a name, a pattern with *, or /an expression/`);
  if (typeof spec !== 'string') throw new Error(`${what} has no "compressor", such as "${examples()[0]}"`);
  if (typeof together !== 'boolean') throw new Error(`"together" of ${what} is neither true nor false`);
  try {
    return { match: expressionIn(match) ?? match, compressor: parseCompressor(spec), together };
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

/** `/source/flags` as an expression; undefined where the text is none. @throws SyntaxError where it is a wrong one */
function expressionIn(text: string): RegExp | undefined {
  const [, source, flags] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? [];
  return source === undefined ? undefined : new RegExp(source, flags);
}
