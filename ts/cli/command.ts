/** What a command is: its options, each declared once, which the parser, the help and the errors are made of. */
import { parseArgs } from 'node:util';
import { quoted } from '../files/quote.ts';
import { nearest } from '../nearest.ts';
import { UsageError } from './usage.ts';

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What its value is called in the help. */
  readonly value?: string;
  /** What it does, in a line of the help. */
  readonly about: string;
}

/** One that takes a text. */
export interface TextOption extends Option {
  readonly type: 'string';
}

/** One that is there or not. */
export interface FlagOption extends Option {
  readonly type: 'boolean';
}

export type Options = Readonly<Record<string, Option>>;

/** What was given of some options. */
export type ValuesOf<Declared extends Options> = {
  readonly [Name in keyof Declared]?: Declared[Name] extends { readonly type: 'boolean' }
    ? boolean
    : Declared[Name] extends { readonly multiple: true }
      ? string[]
      : string;
};

export interface Command<Declared extends Options = Options> {
  /** The forms of it, each with what that does. */
  readonly forms: readonly (readonly [form: string, about: string])[];
  /** What its help ends with. */
  readonly notes?: string;
  readonly options: Declared;
  /** Whether it takes the name of a file. */
  readonly takesFile: boolean;
  run(values: ValuesOf<Declared>, file: string | undefined): Promise<void>;
}

/** A command whose values are typed by its options. */
export function command<const Declared extends Options>(declared: Command<Declared>): Command {
  return declared;
}

const HELP = { help: { type: 'boolean', short: 'h', about: 'this text' } } as const satisfies Options;

/** Parses what stands behind a command's name and runs it. @throws UsageError where the line makes no sense */
export async function runCommand(
  name: string,
  args: string[],
  commands: Readonly<Record<string, Command>>,
): Promise<void> {
  const command = commands[name];
  const options: Options = { ...command.options, ...HELP };
  // before anything else, so that help is at hand where a line is not right yet
  if (args.includes('--help') || args.includes('-h')) return console.log(helpOf(name, command));
  requireKnown(name, args, options, commands);
  const { values, positionals } = parse(withNegativeNumbers(args, options), options);
  const [file, another] = positionals;
  if (!command.takesFile && file !== undefined)
    throw new UsageError(`${name} expected options alone, got ${quoted(file)}`);
  if (another !== undefined)
    throw new UsageError(`${name} expected one input file, got also ${quoted(another)}`);
  for (const [option, value] of Object.entries(values))
    if (value === '' && options[option].value === 'FILE')
      throw new UsageError(`--${option} expected the name of a file, got ""`);
  if (file === '') throw new UsageError(`${name} expected the name of a file, got ""`);
  await command.run(values, file);
}

/**
 * A negative number behind an option as its value, which the parser takes for an option: what it should be is said
 * later.
 */
function withNegativeNumbers(args: readonly string[], options: Options): string[] {
  const end = args.indexOf('--');
  const nameOf = (arg: string): string | undefined =>
    Object.keys(options).find(
      (name) => options[name].type === 'string' && (arg === `--${name}` || arg === `-${options[name].short}`),
    );
  return args.flatMap((arg, i) => {
    if (end >= 0 && i >= end) return [arg];
    const isNumber = (text: string | undefined): boolean => text !== undefined && /^-[\d.]/.test(text);
    if (i > 0 && isNumber(arg) && nameOf(args[i - 1]) !== undefined) return [];
    const option = nameOf(arg);
    return option !== undefined && isNumber(args[i + 1]) ? [`--${option}=${args[i + 1]}`] : [arg];
  });
}

function requireKnown(
  name: string,
  args: string[],
  options: Options,
  commands: Readonly<Record<string, Command>>,
): void {
  const { tokens } = parseArgs({
    args,
    options: parserOptions(options),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(unknownOption(name, token, options, commands));
    if (given.has(token.name) && !option.multiple)
      throw new UsageError(`${name} expected one --${token.name}, got it twice`);
    given.add(token.name);
  }
}

function unknownOption(
  name: string,
  { name: option, rawName }: { name: string; rawName: string },
  options: Options,
  commands: Readonly<Record<string, Command>>,
): string {
  const said = `${name} has no option ${quoted(rawName).slice(1, -1)}`;
  const others = Object.keys(commands).filter((other) => Object.hasOwn(commands[other].options, option));
  if (others.length > 0) return `${said}; ${list(others)} ${others.length > 1 ? 'have' : 'has'} it`;
  const close = rawName.startsWith('--') ? nearest(option, Object.keys(options)) : undefined;
  return close === undefined ? said : `${said}; did you mean --${close}?`;
}

/** Names as people list them. */
function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function parse(args: string[], options: Options): { values: object; positionals: string[] } {
  try {
    return parseArgs({ args, options: parserOptions(options), allowPositionals: true });
  } catch (error) {
    const [message] = (error as Error).message.split('\n');
    const [, option] = /--([\w-]+).*argument is ambiguous/.exec(message) ?? [];
    throw new UsageError(
      option === undefined
        ? message
        : `--${option} expected a value; one that begins with - is written --${option}=-VALUE`,
    );
  }
}

function parserOptions(
  options: Options,
): Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short !== undefined && { short }), ...(multiple !== undefined && { multiple }) },
    ]),
  );
}

/** Columns of the help's left side. */
const LEFT = 28;

/** Lines of two columns; what is too long for the left one gets a line of its own. */
export function columns(lines: readonly (readonly [string, string])[], left: number = LEFT): string {
  return lines
    .map(([head, text]) =>
      head.length < left ? `${head.padEnd(left)}${text}` : `${head}\n${' '.repeat(left)}${text}`,
    )
    .join('\n');
}

/** The help of one command. */
export function helpOf(name: string, { forms, options, notes }: Command): string {
  const all: Options = { ...options, ...HELP };
  const rows = Object.entries(all).map(([option, { short, value, about }]): [string, string] => [
    `  ${short ? `-${short}, ` : '    '}--${option}${value ? ` ${value}` : ''}`,
    about.replaceAll('\n', `\n${' '.repeat(LEFT + 4)}`),
  ]);
  const heads = forms.map(([form, about]) => `  ${form}\n      ${about}`).join('\n');
  return (
    [`fewbits ${name}`, heads, columns(rows, LEFT + 4), ...(notes ? [notes.trim()] : [])].join('\n\n') + '\n'
  );
}
