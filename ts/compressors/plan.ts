/**
 * A plan: each tensor of a model with a compressor of its own, in one packet.
 *
 * Parameter: parts. Sections: the table of parts, three words each: its elements; its compressor's number, and in the
 * high half its words of parameters; its words of sections. Then for each part its parameters and its sections.
 */
import { requireInteger } from '../arguments.ts';
import { NonFiniteError, PacketError } from '../errors.ts';
import { nonFiniteError } from '../kernels/reduce.ts';
import type { Scope } from '../kernels/scope.ts';
import { requireParameters, type Packet } from '../packet/packet.ts';
import type {
  Codec,
  CodecOf,
  Compressor,
  CompressorPart,
  Draw,
  Encoded,
  PacketParameters,
  PacketPart,
} from './compressor.ts';
import { inParts, NOTHING, type Decoded, type Place } from './decoded.ts';
import { sideBySide } from './side-by-side.ts';
import { MOST_PARTS, partsOf, type PlanOptions, type PlanRule, type TensorLayout } from './tensor-rules.ts';

const ID = 15;

/** Words of a row of the table of parts. */
const ROW = 3;
/** Bytes of a packet before its parameters. */
const HEADER = 16;

/** 2^32 divided by the golden ratio: the multiples of it by small numbers lie far apart. */
const APART = 0x9e3779b9;

/**
 * Compresses each tensor of a model by the first rule that matches its name, each by itself: blocks, scales and k are
 * the tensor's own. One packet, from which `decompress` makes the whole vector with nothing else. So a selection does
 * not spend all it has on the few tensors with the largest numbers, moving variances for example.
 *
 * Small tensors are sent as float32 unless a rule other than `'*'` matches them: those of fewer than `tiny` elements;
 * and vectors (at most one dimension is longer than 1) that have fewer than 2^15 elements or the name of a bias or of
 * normalisation: with bias, norm, bn, ln, beta, gamma, moving_ or running_ in it. Tensors side by side that are sent as
 * they are make one part. 12 bytes a part beside the packets of its compressors.
 *
 * Draws of parts differ: part i draws with the stream of the call plus i * 0x9e3779b9, modulo 2^32.
 *
 * @param rules `match`, a name, a pattern with `*` or a RegExp, and the `compressor` of what it matches; `together`,
 *   whether tensors of the rule that follow each other are compressed as one
 * @param layout the tensors of the vector, by name, shape and place: of `layoutOf`, or the map of a .safetensors file
 * @param options `small: false` leaves small tensors to the rules; `tiny`, elements from which on a tensor is not
 *   small by its size, 256 if left out
 * @returns an immutable compressor, for `device.compress` and for systems, of vectors of the layout's length; `parts`
 *   says how each tensor is sent
 * @throws RangeError where no rule matches a tensor, a compressor does not fit one, or is a plan itself; compress
 *   throws it where x has another length than the layout
 * @example
 * const layout = { leaves: [{ name: 'kernel', shape: [100, 10], offset: 0, length: 1000 }] };
 * const each = plan([{ match: '*', compressor: topK({ ratio: 0.01 }) }], layout);
 * const packet = await device.compress(each, gradient);
 */
export function plan(
  rules: readonly PlanRule[],
  layout: TensorLayout,
  options: PlanOptions = {},
): Compressor {
  const parts = Object.freeze(partsOf(rules, layout, options));
  const length = parts.reduce((sum, { n }) => sum + n, 0);
  const requireWhole = (n: number): number => requireInteger('x.length', n, length, length);
  const shown = rules.map(({ match, compressor: { name, options }, together = false }) =>
    Object.freeze({ match: String(match), compressor: name, options, together }),
  );
  return Object.freeze({
    name: 'plan',
    options: Object.freeze({ rules: Object.freeze(shown), ...options }),
    parts,
    parameters(n: number): PacketParameters {
      requireWhole(n);
      return { parts: parts.length };
    },
    *encode(scope, x, draw) {
      requireWhole(x.n);
      const encoded: Encoded[] = [];
      // 1. each part by its own compressor
      const work = parts.map(({ first, n, compressor }, i) =>
        compressor.encode(scope, parts.length === 1 ? x : scope.slice(x, first, n), drawOf(draw, i)),
      );
      try {
        yield* sideBySide(work, (part, i) => (encoded[i] = owned(scope, part)));
      } catch (error) {
        // a part counts its own elements
        throw error instanceof NonFiniteError ? yield* nonFiniteError(scope, x) : error;
      }
      // 2. one packet of them
      return partsOfPacket(scope, length, parts, encoded);
    },
  } satisfies Compressor);
}

/** What part i draws by. */
export function drawOf({ step, stream }: Draw, i: number): Draw {
  return { step, stream: (stream + Math.imul(i, APART)) >>> 0 };
}

/** Parts of a packet that stay as they are while the backend goes on. */
function owned(scope: Scope, part: Encoded): Encoded {
  if (scope.coder === undefined || part.room !== undefined) return part;
  // the constructor copies: slice takes several times as long from memory that threads share
  return { ...part, sections: part.sections.map((section) => new Uint32Array(section)) };
}

function partsOfPacket(
  scope: Scope,
  n: number,
  parts: readonly CompressorPart[],
  encoded: readonly Encoded[],
): Encoded {
  const table = encoded.flatMap(({ n, id, parameters, sections }) => [
    n,
    (id | (parameters.length << 16)) >>> 0,
    sections.reduce((words, section) => words + section.length, 0),
  ]);
  const bodies = encoded.flatMap(({ parameters, sections }) => [Uint32Array.from(parameters), ...sections]);
  return {
    id: ID,
    n,
    parameters: [parts.length],
    sections: [Uint32Array.from(table), ...bodies],
    sent: (packet, codecOf) => {
      const read = readParts(packet);
      return inParts(
        scope,
        n,
        read.map(({ first, packet: part }, i) => ({
          ...{ first, n: part.n },
          ...(encoded[i].sent?.(part, codecOf) ?? codecOf(part).decode(scope, part)),
        })),
      );
    },
  };
}

/** @throws PacketError unless the table of parts makes sense, and they fill vector and body exactly */
function readParts(packet: Packet): PacketPart[] {
  const { n, body, bodyOffset, finite } = packet;
  const [count] = requireParameters(packet, 1);
  if (count > MOST_PARTS || count > n || (count === 0 && n > 0))
    throw new PacketError(`${count} parts of ${n} elements`, HEADER);
  if (count * ROW > body.length)
    throw new PacketError(`a table of ${count} parts, but the body has ${body.length * 4} bytes`, HEADER);
  const parts: PacketPart[] = [];
  let [first, at] = [0, count * ROW];
  for (let i = 0; i < count; i++) {
    const [elements, form, words] = body.subarray(i * ROW, (i + 1) * ROW);
    const row = bodyOffset + i * ROW * 4;
    if (elements < 1 || elements > n - first)
      throw new PacketError(`part ${i} has ${elements} elements of the ${n - first} that are left`, row);
    if ((form & 0xff00) !== 0) throw new PacketError(`part ${i} has bits set that mean nothing`, row + 4);
    if ((form & 0xff) === ID) throw new PacketError(`part ${i} is a plan itself`, row + 4);
    const parameters = form >>> 16;
    const end = at + parameters + words;
    if (end > body.length) throw new PacketError(`part ${i} passes the end of the packet`, row + 8);
    parts.push({
      first,
      offset: bodyOffset + at * 4,
      bytes: (ROW + parameters + words) * 4,
      packet: {
        id: form & 0xff,
        n: elements,
        bytes: HEADER + (parameters + words + 1) * 4,
        parameters: body.subarray(at, at + parameters),
        body: body.subarray(at + parameters, end),
        bodyOffset: HEADER + parameters * 4,
        finite,
      },
    });
    first += elements;
    at = end;
  }
  if (first !== n) throw new PacketError(`the parts have ${first} elements, expected ${n}`, HEADER);
  if (at !== body.length)
    throw new PacketError(
      `parts of ${at * 4} bytes with their table, but the body has ${body.length * 4}`,
      bodyOffset,
    );
  return parts;
}

/** What `work` gives for each part; what is wrong with a part names it, at its byte of the whole packet. */
function eachPart<T>(packet: Packet, work: (part: PacketPart) => T): T[] {
  return readParts(packet).map((part, i) => {
    try {
      return work(part);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      const { message, offset } = error;
      const row = packet.bodyOffset + i * ROW * 4;
      const at = offset >= HEADER ? part.offset + offset - HEADER : row + (offset === 8 ? 0 : 4);
      throw new PacketError(`part ${i}: ${message.replace(/ \(at byte \d+\)$/, '')}`, at);
    }
  });
}

/** What reads plans; `codecOf` finds what reads their parts. */
export function planCodecOf(codecOf: CodecOf): Codec {
  return {
    id: ID,
    name: 'plan',
    describe(packet) {
      const parts = eachPart(packet, (part) => {
        codecOf(part.packet).describe(part.packet);
        return part;
      });
      const table = { name: 'parts', words: parts.length * ROW };
      const sections = parts.map(({ bytes }, i) => ({ name: `part ${i}`, words: bytes / 4 - ROW }));
      return { parameters: { parts: parts.length }, sections: [table, ...sections], parts };
    },
    decode(scope, packet) {
      const parts = eachPart(packet, ({ first, packet: part }): Decoded & Place => ({
        ...{ first, n: part.n },
        ...codecOf(part).decode(scope, part),
      }));
      return packet.n === 0 ? NOTHING : inParts(scope, packet.n, parts);
    },
  };
}
