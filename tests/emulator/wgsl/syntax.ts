/** The syntax tree of a WGSL module, as it is written. Types are names with templates, as in the language's grammar. */

export type Expression =
  | { readonly kind: 'number'; readonly text: string; readonly line: number }
  | { readonly kind: 'name'; readonly name: string; readonly template: Expression[]; readonly line: number }
  | { readonly kind: 'call'; readonly callee: Name; readonly args: Expression[]; readonly line: number }
  | { readonly kind: 'member'; readonly of: Expression; readonly name: string; readonly line: number }
  | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression; readonly line: number }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression; readonly line: number }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly line: number;
    };

/** A name, with its template where it has one: `array<u32, 4>`. */
export type Name = Extract<Expression, { kind: 'name' }>;

export interface Declaration {
  readonly kind: 'declare';
  readonly word: 'let' | 'var' | 'const';
  readonly name: string;
  readonly type?: Name;
  readonly value?: Expression;
  readonly line: number;
}

export type Statement =
  | Declaration
  | { readonly kind: 'block'; readonly body: Statement[]; readonly line: number }
  /** `target op= value`; the target `_` is left out. */
  | {
      readonly kind: 'assign';
      readonly target?: Expression;
      readonly operator?: string;
      readonly value: Expression;
      readonly line: number;
    }
  | { readonly kind: 'call'; readonly call: Expression; readonly line: number }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly then: Statement[];
      readonly otherwise: Statement[];
      readonly line: number;
    }
  /** `while` and `for`. */
  | {
      readonly kind: 'for';
      readonly start?: Statement;
      readonly condition?: Expression;
      readonly update?: Statement;
      readonly body: Statement[];
      readonly line: number;
    }
  | {
      readonly kind: 'loop';
      readonly body: Statement[];
      readonly continuing: Statement[];
      readonly breakIf?: Expression;
      readonly line: number;
    }
  | {
      readonly kind: 'switch';
      readonly selector: Expression;
      /** A clause without values is `default`; `default` among values makes it that, too. */
      readonly clauses: { values: Expression[]; isDefault: boolean; body: Statement[] }[];
      readonly line: number;
    }
  | { readonly kind: 'return'; readonly value?: Expression; readonly line: number }
  | { readonly kind: 'break' | 'continue'; readonly line: number };

export type Attributes = ReadonlyMap<string, Expression[]>;

export interface Parameter {
  readonly name: string;
  readonly type: Name;
  readonly attributes: Attributes;
}

export interface FunctionSyntax {
  readonly name: string;
  readonly parameters: Parameter[];
  readonly result?: Name;
  readonly body: Statement[];
  readonly attributes: Attributes;
  readonly line: number;
}

export interface StructSyntax {
  readonly name: string;
  readonly members: Parameter[];
  readonly line: number;
}

export interface GlobalSyntax {
  readonly name: string;
  readonly space: string;
  readonly access?: string;
  readonly type: Name;
  readonly attributes: Attributes;
  readonly line: number;
}

export interface ModuleSyntax {
  readonly structs: StructSyntax[];
  readonly globals: GlobalSyntax[];
  readonly constants: Declaration[];
  readonly aliases: { readonly name: string; readonly type: Name }[];
  readonly functions: FunctionSyntax[];
}
