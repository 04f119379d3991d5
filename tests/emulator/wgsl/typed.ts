/**
 * The module as it is understood: names are resolved, every value has a type, abstract numbers are gone, and it is
 * plain what is a local value and what an access to memory. This is what the freedoms rewrite and what is compiled.
 */
import type { Type } from './types.ts';

export interface Variable {
  readonly name: string;
  /** Makes the name unique in its module. */
  readonly id: number;
  readonly type: Type;
}

export interface Global {
  readonly name: string;
  readonly space: 'storage' | 'uniform' | 'workgroup';
  readonly access: 'read' | 'read_write';
  readonly type: Type;
}

/** A part of a global: `offset` words from its start on, and an index times a stride more for each index. */
export interface Place {
  readonly global: Global;
  readonly type: Type;
  readonly offset: number;
  readonly indices: readonly { readonly index: Value; readonly stride: number; readonly count?: number }[];
  readonly line: number;
}

interface Typed {
  readonly type: Type;
}

export type Value =
  | (Typed & { readonly op: 'literal'; readonly value: number | boolean })
  | (Typed & { readonly op: 'variable'; readonly variable: Variable })
  | (Typed & { readonly op: 'uniform'; readonly global: Global })
  | (Typed & { readonly op: 'load'; readonly place: Place })
  | (Typed & { readonly op: 'length'; readonly place: Place; readonly stride: number })
  | (Typed & { readonly op: 'member'; readonly of: Value; readonly name: string })
  | (Typed & { readonly op: 'components'; readonly of: Value; readonly at: readonly number[] })
  | (Typed & { readonly op: 'element'; readonly of: Value; readonly index: Value; readonly line: number })
  | (Typed & { readonly op: 'unary'; readonly operator: string; readonly of: Value })
  /** Both of one type, or an integer and what it is shifted by. */
  | (Typed & {
      readonly op: 'binary';
      readonly operator: string;
      readonly left: Value;
      readonly right: Value;
    })
  | (Typed & { readonly op: 'convert'; readonly of: Value })
  | (Typed & { readonly op: 'bitcast'; readonly of: Value })
  /** Vectors, arrays and structs from their parts. */
  | (Typed & { readonly op: 'make'; readonly parts: readonly Value[] })
  | (Typed & { readonly op: 'splat'; readonly of: Value })
  | (Typed & { readonly op: 'zero' })
  | (Typed & { readonly op: 'call'; readonly name: string; readonly args: readonly Value[] })
  | (Typed & { readonly op: 'builtin'; readonly name: string; readonly args: readonly Value[] })
  | (Typed & {
      readonly op: 'atomic';
      readonly name: string;
      readonly place: Place;
      readonly args: readonly Value[];
    })
  | (Typed & { readonly op: 'uniformLoad'; readonly place: Place })
  | (Typed & { readonly op: 'barrier'; readonly name: string; readonly line: number })
  | (Typed & {
      readonly op: 'subgroup';
      readonly name: string;
      readonly args: readonly Value[];
      readonly line: number;
    });

/** A part of a local variable that is assigned. */
export type Step =
  | { readonly member: string }
  | { readonly component: number }
  | { readonly index: Value; readonly line: number };

export type Action =
  | { readonly op: 'declare'; readonly variable: Variable; readonly value: Value }
  | {
      readonly op: 'assign';
      readonly variable: Variable;
      readonly steps: readonly Step[];
      readonly value: Value;
    }
  | { readonly op: 'store'; readonly place: Place; readonly value: Value }
  | { readonly op: 'evaluate'; readonly value: Value }
  | { readonly op: 'block'; readonly body: readonly Action[] }
  | {
      readonly op: 'if';
      readonly condition: Value;
      readonly then: readonly Action[];
      readonly otherwise: readonly Action[];
    }
  | {
      readonly op: 'for';
      readonly start?: Action;
      readonly condition?: Value;
      readonly update?: Action;
      readonly body: readonly Action[];
    }
  | {
      readonly op: 'loop';
      readonly body: readonly Action[];
      readonly continuing: readonly Action[];
      readonly breakIf?: Value;
    }
  | {
      readonly op: 'switch';
      readonly selector: Value;
      readonly clauses: readonly {
        readonly values: readonly number[];
        readonly isDefault: boolean;
        readonly body: readonly Action[];
      }[];
    }
  | { readonly op: 'return'; readonly value?: Value }
  | { readonly op: 'break' | 'continue' };

export interface TypedFunction {
  readonly name: string;
  readonly parameters: readonly Variable[];
  readonly result: Type;
  readonly body: readonly Action[];
  /** Globals of storage and workgroup memory that it uses, itself or in what it calls. */
  readonly uses: ReadonlySet<Global>;
  /** Whether it waits for other invocations, itself or in what it calls. */
  readonly waits: boolean;
}

export interface EntryPoint {
  readonly function: TypedFunction;
  readonly workgroupSize: readonly [number, number, number];
  /** The builtin value of each parameter. */
  readonly builtins: readonly string[];
}

export interface Module {
  readonly globals: readonly Global[];
  readonly functions: readonly TypedFunction[];
  readonly entries: ReadonlyMap<string, EntryPoint>;
}
