/**
 * Accesses of WGSL to storage and workgroup memory, as JavaScript: the words of a place, read into values and written.
 */
import type { ScalarWriter } from './scalars.ts';
import type { Place, Value } from './wgsl/typed.ts';
import { scalarOf, strideOf, type Type } from './wgsl/types.ts';

/** What the text of an access is made of, beside the place. */
export interface AccessParts {
  readonly scalars: ScalarWriter;
  /** A name that the function has for it alone. */
  readonly temporary: () => string;
  /** The text of a value. */
  readonly value: (value: Value) => string;
}

const viewOf = (place: Place): string => `m_${place.global.name}`;

export class AccessWriter {
  readonly #scalars: ScalarWriter;
  readonly #temporary: () => string;
  readonly #value: (value: Value) => string;

  constructor({ scalars, temporary, value }: AccessParts) {
    this.#scalars = scalars;
    this.#temporary = temporary;
    this.#value = value;
  }

  /** How many elements, `stride` words apart, an array has that is sized when it is bound. */
  length(place: Place, stride: number): string {
    return `${viewOf(place)}.elements(${place.offset},${stride})`;
  }

  atomic(name: string, isSigned: boolean, place: Place, given: string): string {
    return `${viewOf(place)}.atomic('${name}',${isSigned},${this.#offset(place)},${given},${place.line})`;
  }

  /** The word that a place starts at, from the start of its global on. */
  #offset(place: Place): string {
    const { global, indices, offset, line } = place;
    const [first] = indices;
    const view = viewOf(place);
    // an array of words needs no check of its own: the access makes it
    if (indices.length === 1 && offset === 0 && first.stride === 1 && global.type.kind === 'array')
      return this.index(first.index);
    const terms = indices.map(({ index, stride, count }) => {
      const most = count ?? `${view}.elements(${offset},${stride})`;
      return `${view}.index(${this.index(index)},${most},${line})*${stride}`;
    });
    return offset > 0 || terms.length === 0 ? [offset, ...terms].join('+') : terms.join('+');
  }

  /** An index as its bits are: one below zero is a large one. */
  index(index: Value): string {
    const text = this.#value(index);
    return scalarOf(index.type) === 'i32' ? `(${text}>>>0)` : text;
  }

  load(place: Place): string {
    const { type, line } = place;
    const view = viewOf(place);
    if (type.kind === 'scalar' || type.kind === 'atomic')
      return this.#word(view, type, this.#offset(place), line);
    const at = this.#temporary();
    return `(${at}=${this.#offset(place)},${this.#loaded(view, type, at, 0, line)})`;
  }

  #word(view: string, type: Type, at: string, line: number): string {
    const of = type.kind === 'atomic' ? type.of : scalarOf(type);
    return of === 'bool' ? `(${view}.u32(${at},${line})!==0)` : `${view}.${of}(${at},${line})`;
  }

  #loaded(view: string, type: Type, at: string, offset: number, line: number): string {
    switch (type.kind) {
      case 'vector': {
        const of = { kind: 'scalar', of: type.of } as const;
        const parts = Array.from({ length: type.size }, (_, i) =>
          this.#word(view, of, `${at}+${offset + i}`, line),
        );
        return `[${parts.join(',')}]`;
      }
      case 'struct': {
        const members = type.members.map(
          (member) => `_${member.name}:${this.#loaded(view, member.type, at, offset + member.offset, line)}`,
        );
        return `({${members.join(',')}})`;
      }
      case 'array': {
        const parts = Array.from({ length: type.count ?? 0 }, (_, i) =>
          this.#loaded(view, type.of, at, offset + i * strideOf(type.of), line),
        );
        return `[${parts.join(',')}]`;
      }
      default:
        return this.#word(view, type, `${at}+${offset}`, line);
    }
  }

  store(place: Place, value: Value): string {
    const { type, line } = place;
    const view = viewOf(place);
    if (type.kind === 'scalar')
      return this.#setWord(view, type, this.#offset(place), this.#value(value), line);
    const [at, from] = [this.#temporary(), this.#temporary()];
    const stores = this.#stored(view, type, at, 0, from, line);
    return `(${[`${at}=${this.#offset(place)}`, `${from}=${this.#value(value)}`, ...stores].join(',')})`;
  }

  #setWord(view: string, type: Type, at: string, value: string, line: number): string {
    const of = scalarOf(type);
    if (of === 'f32') return `${view}.setF32(${at},${this.#scalars.settled(value)},${line})`;
    return `${view}.setU32(${at},${of === 'bool' ? `${value}?1:0` : value},${line})`;
  }

  #stored(view: string, type: Type, at: string, offset: number, from: string, line: number): string[] {
    switch (type.kind) {
      case 'vector': {
        const of = { kind: 'scalar', of: type.of } as const;
        return Array.from({ length: type.size }, (_, i) =>
          this.#setWord(view, of, `${at}+${offset + i}`, `${from}[${i}]`, line),
        );
      }
      case 'struct':
        return type.members.flatMap((member) =>
          this.#stored(view, member.type, at, offset + member.offset, `${from}._${member.name}`, line),
        );
      case 'array':
        return Array.from({ length: type.count ?? 0 }, (_, i) =>
          this.#stored(view, type.of, at, offset + i * strideOf(type.of), `${from}[${i}]`, line),
        ).flat();
      default:
        return [this.#setWord(view, type, `${at}+${offset}`, from, line)];
    }
  }
}
