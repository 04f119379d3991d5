/**
 * What every factory does with its options: names and types that it does not have are refused when they are given, in
 * one form. The table has the factories by their entry; one that is missing there fails, and so does an option of its
 * type.
 */
import * as assert from 'uvu/assert';
import * as algorithms from '../ts/algorithms/index.ts';
import * as fewbits from '../ts/index.ts';
import * as messages from '../ts/messages/index.ts';
import { suite } from './support/suite.ts';

/** The names of all options that a factory's type has, over the alternatives of a union. */
type NamesOf<Options> = Options extends unknown ? keyof Options : never;
type OptionsOf<Factory> = Factory extends (...args: [infer Options, ...never[]]) => unknown
  ? Exclude<Options, fewbits.Compressor | undefined>
  : never;

interface Case {
  readonly name: string;
  readonly make: (options?: unknown) => unknown;
  /** A sound value of each option. */
  readonly sound: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
  /** Of options that exclude each other, those to leave out. */
  readonly without: readonly string[];
}

/** `sound` has every option of the factory's type and no other: tsc says so. */
function factory<Factory extends (options: never, ...rest: never[]) => unknown>(
  make: Factory,
  sound: { readonly [Name in NamesOf<OptionsOf<Factory>>]-?: unknown },
  required: readonly (NamesOf<OptionsOf<Factory>> & string)[],
  without: readonly (NamesOf<OptionsOf<Factory>> & string)[] = [],
): Case {
  return { name: make.name, make: make as unknown as Case['make'], sound, required, without };
}

const splitMessage = (options: messages.SplitOptions): unknown =>
  messages.splitMessage(new Uint8Array(3), options);
Object.defineProperty(splitMessage, 'name', { value: 'splitMessage' });

const compressor = fewbits.topK({ k: 1 });
const plan = (options: fewbits.PlanOptions): fewbits.Compressor =>
  fewbits.plan([{ match: '*', compressor }], { leaves: [{ name: 'kernel', offset: 0, length: 1 }] }, options);
const count = { k: 3, ratio: 0.1 };
const flattened = { seed: 1, block: 64, scale: 'dither', lambda: 'norm', c: 0.5 };
const levelled = { seed: 1, bits: 3, block: 64, scale: 'least', coding: 'packed' };
const local = {
  ...{ compressor, server: compressor, decay: 0.5, rate: 0.5, momentum: 0.5, fragments: 3 },
  ...{ average: 'senders', clip: 'median' },
};
const masks = { ratio: 0.1, bits: 2, rounding: 'floor', signed: true, coding: 'packed' };
const gpu = { limits: {} };
const module = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));

const factories: readonly Case[] = [
  factory(fewbits.openDevice, { backend: 'js', gpu, threads: 1, module, maxBytesInFlight: 1e6 }, []),
  factory(fewbits.openDeviceSync, { backend: 'js', module }, ['backend']),
  factory(fewbits.topK, { ...count, values: 'float32' }, ['k'], ['ratio']),
  factory(fewbits.threshold, { t: 0.5, values: 'float16' }, ['t']),
  factory(fewbits.randomK, { ...count, seed: 1, values: 'float16' }, ['k', 'seed'], ['ratio']),
  factory(
    fewbits.randomizedTopK,
    { ...count, alpha: 0.1, seed: 1, values: 'bfloat16' },
    ['k', 'alpha', 'seed'],
    ['ratio'],
  ),
  factory(fewbits.maskEncoded, masks, ['ratio', 'bits']),
  factory(fewbits.quantized, { bits: 4, coding: 'packed' }, ['bits']),
  factory(fewbits.qsgd, { levels: 7, seed: 1, coding: 'entropy' }, ['levels', 'seed']),
  factory(fewbits.scaledSign, { block: 64 }, []),
  factory(fewbits.ditheredSign, { seed: 1, lambda: 'max' }, ['seed']),
  factory(fewbits.flattenedOneBit, flattened, ['seed']),
  factory(fewbits.flattenedLevels, levelled, ['seed']),
  factory(fewbits.blockTopK, { block: 64, k: 4, bits: 2, values: 'float16' }, [], ['values']),
  factory(fewbits.float32, {}, []),
  factory(plan, { small: false, tiny: 10 }, []),
  factory(algorithms.pSgd, {}, []),
  factory(algorithms.memSgd, { compressor }, ['compressor']),
  factory(algorithms.doubleSqueeze, { compressor }, ['compressor']),
  factory(algorithms.liecSgd, { compressor, averagePeriod: 8 }, []),
  factory(algorithms.cser, { seed: 1 }, ['seed']),
  factory(algorithms.foSgd, flattened, ['seed']),
  factory(
    algorithms.exDyna,
    { density: 0.1, control: 'exact', warmStart: true, recover: false, balance: 'exact' },
    ['density'],
  ),
  factory(algorithms.localSteps, local, []),
  factory(algorithms.sparseLoCo, local, []),
  factory(algorithms.diLoCo, local, []),
  factory(algorithms.fedAvg, local, []),
  factory(algorithms.cltK, { ratio: 0.1 }, ['ratio']),
  factory(algorithms.topKAllGather, { ratio: 0.1 }, ['ratio']),
  factory(algorithms.hardThreshold, { t: 0.5 }, ['t']),
  factory(algorithms.splitLearning, { up: compressor, down: compressor }, ['up']),
  factory(algorithms.splitMask, masks, ['ratio', 'bits']),
  factory(algorithms.splitTopK, count, ['k'], ['ratio']),
  factory(algorithms.splitQuantized, { bits: 4, coding: 'entropy' }, ['bits']),
  factory(
    algorithms.splitRandomized,
    { ...count, alpha: 0.1, seed: 1, values: 'bfloat16' },
    ['k', 'alpha', 'seed'],
    ['ratio'],
  ),
  factory(messages.openJoiner, { longest: 1000, unfinished: 3 }, []),
  factory(splitMessage, { limit: 1000, id: 1 }, []),
];

/** Functions of these entries that take no options, or a function among them. */
const OTHERS = [
  ...['inspect', 'exchange', 'descend', 'sumMessages', 'deliver', 'runStep', 'trainLocally'],
  'localTrainer',
];

/** Values of a type that the option does not have. */
function wrongFor(sound: unknown): readonly unknown[] {
  const objects = [null, [], [sound], new Map(), () => sound, 5n];
  if (typeof sound === 'number') return [...objects, `${sound}`, true, NaN, Infinity, {}];
  if (typeof sound === 'string') return [...objects, 'nonsense', '', -1, true, {}];
  if (typeof sound === 'boolean') return [...objects, 'no', 0, 1, {}];
  return [...objects, 'topK', 1, true, {}, fewbits.topK, algorithms.exDyna({ density: 0.1 })];
}

/** What a factory throws, or what its promise rejects with. */
async function refusal({ make, name }: Case, options: unknown, what: string): Promise<Error> {
  try {
    await make(options);
  } catch (error) {
    assert.ok(
      error instanceof TypeError || error instanceof RangeError,
      `${name}, ${what}: ${String(error)}`,
    );
    return error;
  }
  return assert.unreachable(`${name} takes ${what}`) as never;
}

const pick = (options: Case['sound'], names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, options[name]]));

const test = suite('options of every factory');

test('every function of the entries is in the table', () => {
  const exported = [fewbits, algorithms, messages].flatMap((entry) =>
    Object.entries(entry).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'function' && !(value.prototype instanceof Error) ? [name] : [],
    ),
  );
  assert.equal(exported.sort(), [...factories.map(({ name }) => name), ...OTHERS].sort());
});

for (const given of factories) {
  const { name, make, sound, required, without } = given;
  const base = pick(sound, required);
  const names = Object.keys(sound).filter((option) => !without.includes(option));

  test(`${name}: sound options are taken`, async () => {
    for (const options of [base, pick(sound, names), ...(required.length === 0 ? [undefined] : [])]) {
      // a device of a GPU that is none is not opened
      if (name === 'openDevice' && options !== undefined && 'gpu' in options) continue;
      const made = (await make(options)) as { close?: () => void };
      made.close?.();
    }
  });

  test(`${name}: what is no object of options is refused`, async () => {
    for (const wrong of [null, [], [1], 'abc', 5, true, () => {}, new Map(), new Date(), new Float32Array(0)])
      assert.ok((await refusal(given, wrong, typeof wrong)) instanceof TypeError);
  });

  test(`${name}: an option without which there is no value is named`, async () => {
    for (const option of required) {
      const rest = pick(
        sound,
        required.filter((other) => other !== option),
      );
      const error = await refusal(given, rest, `no ${option}`);
      assert.ok(error instanceof TypeError && error.message.includes(`"${option}"`), error.message);
    }
    if (required.length > 0) {
      const error = await refusal(given, undefined, 'nothing');
      assert.ok(error instanceof TypeError && error.message.includes(`"${required[0]}"`), error.message);
    }
  });

  test(`${name}: names that its type does not have are refused, and it says which it has`, async () => {
    const error = await refusal(given, { ...base, zzz: 1 }, 'the option zzz');
    const [, owner, listed] = /^(\w+) has no option "zzz"; it has ([^.]*)$/.exec(error.message) ?? [];
    assert.ok(error instanceof RangeError && owner === name, error.message);
    assert.equal(listed === 'none' ? [] : listed.split(', ').sort(), Object.keys(sound).sort());
  });

  for (const option of Object.keys(sound))
    test(`${name}: "${option}" of another type is refused, and a misspelled one gets the name that was meant`, async () => {
      const others = pick(
        sound,
        required.filter((other) => other !== option && !(without.includes(option) && other === 'k')),
      );
      for (const wrong of wrongFor(sound[option])) {
        const error = await refusal(given, { ...others, [option]: wrong }, `${option}: ${typeof wrong}`);
        assert.ok(error.message.includes(`"${option}"`), error.message);
        const type =
          typeof wrong === typeof sound[option] && typeof wrong !== 'object' ? RangeError : TypeError;
        // these are a name or a number: the other of the two is a wrong value too
        const either = /lambda|block/.test(option) && /number|string/.test(typeof wrong);
        if (!either) assert.instance(error, type, error.message);
      }
      const misspelled = option.length < 3 ? option.toUpperCase() : `${option}x`;
      const { message } = await refusal(given, { ...others, [misspelled]: sound[option] }, misspelled);
      assert.ok(message.endsWith(`. Did you mean "${option}"?`), message);
    });
}

test('choices that are close to a known one get it named', () => {
  const says = (make: () => unknown, what: string): void =>
    assert.throws(make, (error: Error) => error.message.endsWith(`. Did you mean "${what}"?`));
  says(() => fewbits.topK({ k: 1, values: 'float61' as 'float16' }), 'float16');
  says(() => fewbits.topK({ k: 1, values: 'Float-32' as 'float32' }), 'float32');
  says(() => algorithms.exDyna({ density: 0.1, control: 'exakt' as 'exact' }), 'exact');
  says(() => algorithms.liecSgd({ period: 3 } as object), 'averagePeriod');
});

test('a compressor by itself is the same as one among options, in every system that has one', () => {
  const sign = fewbits.scaledSign();
  for (const make of [algorithms.memSgd, algorithms.doubleSqueeze, algorithms.liecSgd])
    for (const given of [sign, { compressor: sign }]) assert.is(make(given).name, make.name);
  const wrong = [algorithms.exDyna({ density: 0.1 }), fewbits.topK, {}, 'topK', 3, null] as never[];
  for (const make of [algorithms.memSgd, algorithms.doubleSqueeze, algorithms.liecSgd])
    for (const given of wrong)
      if (!(make === algorithms.liecSgd && JSON.stringify(given) === '{}'))
        assert.throws(
          () => make(given),
          (error: Error) => error instanceof TypeError,
        );
  assert.throws(() => algorithms.memSgd(wrong[0]), /expected a compressor, .* got the system exDyna/);
  assert.throws(() => algorithms.liecSgd(wrong[0]), /expected a compressor, .* got the system exDyna/);
  assert.throws(() => algorithms.memSgd(wrong[1]), /expected a compressor, .* got a function named topK/);
  assert.throws(() => algorithms.cser(sign as never), /cser expected \{ seed \}/);
});

test.run();
