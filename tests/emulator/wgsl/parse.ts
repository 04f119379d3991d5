/** From a WGSL source to its syntax tree. */
import type {
  Declaration,
  Expression,
  FunctionSyntax,
  ModuleSyntax,
  Name,
  Parameter,
  Statement,
} from './syntax.ts';
import { type Token, tokensOf, WgslError } from './tokens.ts';

/** Names that a template follows: elsewhere `<` compares. */
const GENERIC = /^(array|atomic|bitcast|ptr|vec[234])$/;

/** Binary operators by how tightly they bind, loosest first. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const COMPARISON = 6;
const SHIFT = 7;

/** @throws WgslError with the line, where the source is not WGSL, or is of the part that is not supported */
export function parse(source: string): ModuleSyntax {
  return new Parser(tokensOf(source)).module();
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;
  /** Whether `>` ends a template here. */
  #inTemplate = false;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#at];
  }

  #is(text: string): boolean {
    return this.#token.kind !== 'end' && this.#token.text === text;
  }

  #skip(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#skip(text)) this.#fail(`expected "${text}"`);
  }

  #fail(reason: string): never {
    throw new WgslError(this.#token.line, `${reason}, got "${this.#token.text}"`);
  }

  #name(): string {
    if (this.#token.kind !== 'name') this.#fail('expected a name');
    return this.#tokens[this.#at++].text;
  }

  module(): ModuleSyntax {
    const module: ModuleSyntax = { structs: [], globals: [], constants: [], aliases: [], functions: [] };
    while (this.#token.kind !== 'end') this.#global(module);
    return module;
  }

  #global(module: ModuleSyntax): void {
    const { line } = this.#token;
    if (this.#skip(';')) return;
    if (this.#is('enable') || this.#is('requires') || this.#is('diagnostic')) {
      while (!this.#skip(';')) this.#at++;
      return;
    }
    const attributes = this.#attributes();
    if (this.#skip('struct')) {
      const name = this.#name();
      module.structs.push({ name, members: this.#parameters('{', '}'), line });
    } else if (this.#skip('alias')) {
      const name = this.#name();
      this.#expect('=');
      module.aliases.push({ name, type: this.#type() });
      this.#expect(';');
    } else if (this.#is('const')) {
      module.constants.push(this.#declaration());
      this.#expect(';');
    } else if (this.#skip('var')) {
      this.#expect('<');
      const space = this.#name();
      const access = this.#skip(',') ? this.#name() : undefined;
      this.#expect('>');
      const name = this.#name();
      this.#expect(':');
      const type = this.#type();
      this.#expect(';');
      module.globals.push({ name, space, access, type, attributes, line });
    } else if (this.#is('fn')) module.functions.push(this.#function(attributes));
    else this.#fail('expected a declaration');
  }

  #attributes(): Map<string, Expression[]> {
    const attributes = new Map<string, Expression[]>();
    while (this.#skip('@')) {
      const name = this.#name();
      attributes.set(name, this.#is('(') ? this.#args() : []);
    }
    return attributes;
  }

  #parameters(open: string, close: string): Parameter[] {
    const found: Parameter[] = [];
    this.#expect(open);
    while (!this.#skip(close)) {
      const attributes = this.#attributes();
      const name = this.#name();
      this.#expect(':');
      found.push({ name, type: this.#type(), attributes });
      if (!this.#is(close)) this.#expect(',');
    }
    return found;
  }

  #function(attributes: Map<string, Expression[]>): FunctionSyntax {
    const { line } = this.#token;
    this.#expect('fn');
    const name = this.#name();
    const parameters = this.#parameters('(', ')');
    let result: Name | undefined;
    if (this.#skip('->')) {
      this.#attributes();
      result = this.#type();
    }
    return { name, parameters, result, body: this.#block(), attributes, line };
  }

  #type(): Name {
    const { line } = this.#token;
    const name = this.#name();
    return { kind: 'name', name, template: this.#is('<') ? this.#template() : [], line };
  }

  #template(): Expression[] {
    const outer = this.#inTemplate;
    this.#inTemplate = true;
    const found: Expression[] = [];
    this.#expect('<');
    while (!this.#is('>') && !this.#is('>>') && !this.#is('>=')) {
      found.push(this.#binary(0));
      this.#skip(',');
    }
    // the sign that two templates end with, or a template and an assignment, is cut in two
    const { text, ...rest } = this.#token;
    if (text === '>') this.#at++;
    else this.#tokens[this.#at] = { ...rest, text: text.slice(1) };
    this.#inTemplate = outer;
    return found;
  }

  #block(): Statement[] {
    this.#attributes();
    this.#expect('{');
    const body: Statement[] = [];
    while (!this.#skip('}')) {
      const statement = this.#statement();
      if (statement) body.push(statement);
    }
    return body;
  }

  #statement(): Statement | undefined {
    const { line } = this.#token;
    if (this.#skip(';')) return undefined;
    this.#attributes();
    if (this.#is('{')) return { kind: 'block', body: this.#block(), line };
    if (this.#skip('if')) return this.#if(line);
    if (this.#skip('while')) {
      const condition = this.#expression();
      return { kind: 'for', condition, body: this.#block(), line };
    }
    if (this.#skip('for')) return this.#for(line);
    if (this.#skip('loop')) return this.#loop(line);
    if (this.#skip('switch')) return this.#switch(line);
    const statement = this.#simple(line);
    this.#expect(';');
    return statement;
  }

  #simple(line: number): Statement {
    if (this.#skip('return'))
      return { kind: 'return', value: this.#is(';') ? undefined : this.#expression(), line };
    if (this.#skip('break')) return { kind: 'break', line };
    if (this.#skip('continue')) return { kind: 'continue', line };
    if (this.#is('let') || this.#is('var') || this.#is('const')) return this.#declaration();
    const target = this.#unary();
    if (target.kind === 'call' && !this.#assignment()) return { kind: 'call', call: target, line };
    if (this.#is('++') || this.#is('--')) {
      const operator = this.#tokens[this.#at++].text[0];
      return { kind: 'assign', target, operator, value: { kind: 'number', text: '1', line }, line };
    }
    const sign = this.#assignment() ?? this.#fail('expected an assignment');
    this.#at++;
    const operator = sign === '=' ? undefined : sign.slice(0, -1);
    const phony = target.kind === 'name' && target.name === '_';
    return { kind: 'assign', target: phony ? undefined : target, operator, value: this.#expression(), line };
  }

  #assignment(): string | undefined {
    const { kind, text } = this.#token;
    return kind === 'sign' && /^(<<|>>|[-+*/%&|^])?=$/.test(text) ? text : undefined;
  }

  #declaration(): Declaration {
    const { line } = this.#token;
    const word = this.#name() as Declaration['word'];
    if (this.#is('<')) this.#template();
    const name = this.#name();
    const type = this.#skip(':') ? this.#type() : undefined;
    const value = this.#skip('=') ? this.#expression() : undefined;
    return { kind: 'declare', word, name, type, value, line };
  }

  #if(line: number): Statement {
    const condition = this.#expression();
    const then = this.#block();
    let otherwise: Statement[] = [];
    if (this.#skip('else')) {
      const { line } = this.#token;
      otherwise = this.#skip('if') ? [this.#if(line)] : this.#block();
    }
    return { kind: 'if', condition, then, otherwise, line };
  }

  #for(line: number): Statement {
    this.#expect('(');
    const start = this.#is(';') ? undefined : this.#simple(line);
    this.#expect(';');
    const condition = this.#is(';') ? undefined : this.#expression();
    this.#expect(';');
    const update = this.#is(')') ? undefined : this.#simple(line);
    this.#expect(')');
    return { kind: 'for', start, condition, update, body: this.#block(), line };
  }

  #loop(line: number): Statement {
    const body: Statement[] = [];
    const continuing: Statement[] = [];
    let breakIf: Expression | undefined;
    this.#expect('{');
    while (!this.#skip('}')) {
      if (!this.#skip('continuing')) {
        const statement = this.#statement();
        if (statement) body.push(statement);
        continue;
      }
      this.#expect('{');
      while (!this.#skip('}')) {
        if (this.#is('break') && this.#tokens[this.#at + 1].text === 'if') {
          this.#at += 2;
          breakIf = this.#expression();
          this.#expect(';');
          continue;
        }
        const statement = this.#statement();
        if (statement) continuing.push(statement);
      }
    }
    return { kind: 'loop', body, continuing, breakIf, line };
  }

  #switch(line: number): Statement {
    const selector = this.#expression();
    const clauses: { values: Expression[]; isDefault: boolean; body: Statement[] }[] = [];
    this.#expect('{');
    while (!this.#skip('}')) {
      const values: Expression[] = [];
      let isDefault = this.#skip('default');
      if (!isDefault) {
        this.#expect('case');
        while (!this.#is(':') && !this.#is('{')) {
          if (this.#skip('default')) isDefault = true;
          else values.push(this.#expression());
          this.#skip(',');
        }
      }
      this.#skip(':');
      clauses.push({ values, isDefault, body: this.#block() });
    }
    return { kind: 'switch', selector, clauses, line };
  }

  #expression(): Expression {
    const outer = this.#inTemplate;
    this.#inTemplate = false;
    const found = this.#binary(0);
    this.#inTemplate = outer;
    return found;
  }

  #binary(level: number): Expression {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const { kind, text, line } = this.#token;
      const ends = this.#inTemplate && (level === COMPARISON || (level === SHIFT && text === '>>'));
      if (kind !== 'sign' || ends || !LEVELS[level].includes(text)) return left;
      this.#at++;
      left = { kind: 'binary', operator: text, left, right: this.#binary(level + 1), line };
    }
  }

  #unary(): Expression {
    const { kind, text, line } = this.#token;
    if (kind === 'sign' && /^[-!~&*]$/.test(text)) {
      this.#at++;
      return { kind: 'unary', operator: text, of: this.#unary(), line };
    }
    // two signs that are one word here: --x is -(-x)
    if (kind === 'sign' && text === '--') {
      this.#tokens[this.#at] = { kind, text: '-', line };
      return { kind: 'unary', operator: '-', of: this.#unary(), line };
    }
    let of = this.#primary();
    for (;;) {
      const { line } = this.#token;
      if (this.#skip('.')) of = { kind: 'member', of, name: this.#name(), line };
      else if (this.#skip('[')) {
        of = { kind: 'index', of, index: this.#expression(), line };
        this.#expect(']');
      } else return of;
    }
  }

  #primary(): Expression {
    const { kind, text, line } = this.#token;
    if (kind === 'number') {
      this.#at++;
      return { kind: 'number', text, line };
    }
    if (this.#skip('(')) {
      const found = this.#expression();
      this.#expect(')');
      return found;
    }
    if (kind !== 'name') this.#fail('expected an expression');
    this.#at++;
    const template = GENERIC.test(text) && this.#is('<') ? this.#template() : [];
    const name: Name = { kind: 'name', name: text, template, line };
    return this.#is('(') ? { kind: 'call', callee: name, args: this.#args(), line } : name;
  }

  #args(): Expression[] {
    const found: Expression[] = [];
    this.#expect('(');
    while (!this.#skip(')')) {
      found.push(this.#expression());
      if (!this.#is(')')) this.#expect(',');
    }
    return found;
  }
}
