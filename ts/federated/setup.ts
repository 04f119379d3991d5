/** What both ends of a federated round are set up with, and how they find out that it is the same. */
import { requireOptions, shown } from '../arguments.ts';
import { described, packetsOf, type Expected } from '../algorithms/admission.ts';
import { requireDevice } from '../algorithms/seat.ts';
import { requireCompressor, type Compressor } from '../compressors/compressor.ts';
import { float32 } from '../compressors/float32.ts';
import { tensorsOf, type Tensor, type TensorLayout } from '../compressors/tensor-rules.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import { digestOf, opened, shownRange, VERSIONS, written, NO_DIGEST, type Range } from './wire.ts';
import type { Bytes } from '../platform.ts';

/** A compressor, or what makes one of the layout: `(layout) => plan(rules, layout)`. */
export type Compressing = Compressor | ((layout: TensorLayout) => Compressor);

/** What both ends have in common. */
export interface EndOptions {
  /** What compresses and decompresses here; each end has its own. */
  readonly device: Device;
  /** The tensors of the model by name, in the order of the vector: of `layoutOf`. */
  readonly layout: TensorLayout;
  /** Of what clients send, the changes of their models; `float32()` if left out. */
  readonly up?: Compressing;
  /** Of what the server answers, the step that all take; `float32()` if left out. */
  readonly down?: Compressing;
}

/** The same, sound. */
export interface Setup {
  readonly device: Device;
  readonly n: number;
  readonly tensors: readonly Tensor[];
  readonly up: Compressor;
  readonly down: Compressor;
  readonly updates: Expected;
  readonly answers: Expected;
  /** What ends compare, in words. */
  readonly said: Said;
}

/** What a client says of its setup. */
interface Said {
  readonly layout: string;
  readonly up: string;
  readonly down: string;
}

/** @throws TypeError or RangeError where an option is none, or a compressor does not fit the layout */
export function setupOf(owner: string, options: EndOptions, names: readonly string[]): Setup {
  if (options === undefined) throw new TypeError(`${owner} expected an object of options, got undefined`);
  requireOptions(owner, options, ['device', 'layout', 'up', 'down', ...names]);
  const { device, layout } = options;
  requireDevice(device);
  const tensors = tensorsOf(layout);
  const n = tensors.reduce((sum, tensor) => sum + tensor.n, 0);
  const made = (name: 'up' | 'down'): Compressor => {
    const { [name]: given = float32() } = options;
    return requireCompressor(name, typeof given === 'function' ? given(layout) : given);
  };
  const [up, down] = [made('up'), made('down')];
  const [updates, answers] = [packetsOf(up, n), packetsOf(down, n)];
  const said = { layout: wordsOfTensors(tensors), up: wordsOf(updates), down: wordsOf(answers) };
  return { device, n, tensors, up, down, updates, answers, said };
}

/** Words that fit a message whole; what is longer ends with its digest. */
function short(words: string): string {
  const most = 400;
  if (words.length <= most) return words;
  return `${words.slice(0, most)}... ${digestOf(new TextEncoder().encode(words))}`;
}

const wordsOf = (expected: Expected): string =>
  short([expected, ...(expected.parts ?? [])].map(described).join('; '));

const wordsOfTensors = (tensors: readonly Tensor[]): string =>
  short(
    tensors.map(({ name, shape, n }) => `${JSON.stringify(name)} [${(shape ?? [n]).join(', ')}]`).join(', '),
  );

/** A client's name has so many bytes in UTF-8 at most. */
const MOST_NAME = 256;

/** @throws TypeError unless an id is a string, RangeError unless it has 1 to 256 bytes of UTF-8 */
export function requireId(id: unknown): string {
  const message = `"id" expected a string of 1..${MOST_NAME} bytes in UTF-8, got ${shown(id)}`;
  if (typeof id !== 'string') throw new TypeError(message);
  const bytes = new TextEncoder().encode(id);
  // half of a surrogate pair is another letter in UTF-8, so that two ids could be one there
  if (bytes.length < 1 || bytes.length > MOST_NAME || new TextDecoder().decode(bytes) !== id)
    throw new RangeError(message);
  return id;
}

/** What a client says when it joins: who it is, how it is set up, and which formats it speaks. */
export function helloOf(id: string, { said }: Setup, { least, most }: Range = VERSIONS): Bytes {
  const text = JSON.stringify({ id, least, most, ...said });
  // the frame of a hello stays that of version 1, so that every release reads it
  return written('hello', { version: 1, round: 0, digest: NO_DIGEST, text });
}

/**
 * The version of the format that a client and this end both speak, the highest.
 * @throws PacketError where there is none, or the client has another name, layout or compressor; it says which
 */
export function agreedWith(id: string, hello: Uint8Array, { said }: Setup): number {
  const { text, body } = opened('hello', hello);
  const came = parsed(text);
  if (came === undefined || body.length > 0) throw new PacketError('the text of a hello is none', 24);
  const refuse = (what: string): never => {
    throw new PacketError(`the hello of ${shown(id)} ${what}`, 24);
  };
  if (came.id !== id) refuse(`is one of ${shown(came.id)}`);
  for (const name of ['layout', 'up', 'down'] as const)
    if (came[name] !== said[name]) refuse(`has "${name}" ${came[name]}; expected ${said[name]}`);
  const version = Math.min(came.most, VERSIONS.most);
  if (version < Math.max(came.least, VERSIONS.least))
    refuse(`speaks format versions ${shownRange(came)}; this release speaks ${shownRange(VERSIONS)}`);
  return version;
}

function parsed(text: string): (Said & Range & { readonly id: string }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { least, most, ...words } = (value ?? {}) as Record<string, unknown>;
  const { id, layout, up, down } = words;
  const sound =
    [id, layout, up, down].every((word) => typeof word === 'string') &&
    Number.isInteger(least) &&
    Number.isInteger(most);
  return sound ? (value as Said & Range & { readonly id: string }) : undefined;
}
