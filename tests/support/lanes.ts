/** Several pieces of work at a time, whose output is printed as if they were done one after the other. */
import { stripVTControlCharacters } from 'node:util';

/** Takes output for the terminal. */
export type Print = (text: string) => void;

/** Prints to the terminal, without colours where it is not one. */
export const print: Print = (text) => {
  process.stdout.write(process.stdout.isTTY ? text : stripVTControlCharacters(text));
};

/**
 * Starts all lanes, `most` of them at a time. The first that has not ended prints as it goes; what the others print is
 * held back until those before them have ended.
 */
export async function inLanes<Result>(
  lanes: readonly ((print: Print) => Promise<Result>)[],
  most: number,
): Promise<Result[]> {
  const held: string[][] = lanes.map(() => []);
  const ended: boolean[] = lanes.map(() => false);
  let front = 0;
  const results = new Array<Result>(lanes.length);
  const waiting = lanes.map((lane, place) => async (): Promise<void> => {
    try {
      results[place] = await lane((text) => (place === front ? print(text) : held[place].push(text)));
    } finally {
      ended[place] = true;
      while (ended[front] && ++front < lanes.length) for (const text of held[front].splice(0)) print(text);
    }
  });
  const workOff = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: Math.max(1, most) }, workOff));
  return results;
}
