/** The systems that the page trains, those of `npm start`, by name. */
import { algorithms, type Algorithm } from '../../mnist/algorithms.ts';

/** @throws RangeError where there is none of that name */
export function algorithmNamed(name: string): Algorithm {
  const found = algorithms.find((algorithm) => algorithm.name === name);
  if (found === undefined) throw new RangeError(`no system is called ${JSON.stringify(name)}`);
  return found;
}
