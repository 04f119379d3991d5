/** What a run did that no program may do, each kind at each place once, with how often. */

export interface Finding {
  /** Such as `race`. */
  readonly kind: string;
  /** Shader, entry point, line, and what was accessed. */
  readonly text: string;
  readonly times: number;
}

export class Findings {
  readonly #times = new Map<string, { kind: string; text: string; times: number }>();
  /** The shader and entry point that run now. */
  where = '';

  add(kind: string, line: number, text: string): void {
    const place = `${this.where}:${line}: ${text}`;
    const key = `${kind} ${place}`;
    const known = this.#times.get(key);
    if (known) known.times++;
    else this.#times.set(key, { kind, text: place, times: 1 });
  }

  /** What was found since the last call. */
  take(): Finding[] {
    const found = [...this.#times.values()];
    this.#times.clear();
    return found;
  }
}

/** One line for each finding. */
export function described(findings: readonly Finding[]): string {
  return findings.map(({ kind, text, times }) => `${kind}: ${text} (${times} times)`).join('\n');
}
