/** A line of progress on standard error, where that is a terminal; nothing elsewhere. */

export interface Progress {
  /** Puts a line in the place of the last one. */
  readonly show: (line: string) => void;
  /** Takes the line away. */
  readonly end: () => void;
}

export function progressOn(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>): Progress {
  const put = (line: string): void => {
    if (stream.isTTY) stream.write(`\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}`);
  };
  return { show: put, end: () => put('') };
}
