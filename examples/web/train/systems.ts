/** The systems that the page trains, those of `npm start`, by name. */
import { algorithms, type Algorithm } from '../../mnist/algorithms.ts';

/** Systems whose workers need the same of a network, for a visitor who chooses one. */
export interface Group {
  readonly title: string;
  readonly systems: readonly Algorithm[];
}

/** All systems, each in one group, in the order of examples/mnist/algorithms.ts. */
export function groupsOfSystems(): readonly Group[] {
  const isDense = ({ name }: Algorithm): boolean => name.startsWith('dense');
  const compressed = algorithms.filter((algorithm) => !isDense(algorithm));
  return [
    { title: 'Through a server', systems: compressed.filter(({ system }) => system.server !== undefined) },
    { title: 'Among peers', systems: compressed.filter(({ system }) => system.server === undefined) },
    { title: 'Not compressed, to compare with', systems: algorithms.filter(isDense) },
  ];
}

/** @throws RangeError where there is none of that name */
export function algorithmNamed(name: string): Algorithm {
  const found = algorithms.find((algorithm) => algorithm.name === name);
  if (found === undefined) throw new RangeError(`no system is called ${JSON.stringify(name)}`);
  return found;
}
