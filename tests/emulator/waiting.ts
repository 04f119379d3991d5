/** Where an invocation waits, and what it says then: to the others at a barrier, or to its subgroup. */

/** A barrier in the source. Two invocations wait at the same one where they gave the same object. */
export interface Barrier {
  readonly barrier: string;
  readonly line: number;
}

/** An operation on subgroups in the source. */
export interface SubgroupSite {
  readonly subgroup: string;
  readonly of: string;
  readonly line: number;
}

/** A scalar, or a vector's components. */
export type Scalars = number | boolean | readonly (number | boolean)[];

/** What an invocation gives to its subgroup, just before it waits there: a value and the second argument. */
export interface Asked {
  value: Scalars;
  by: number;
}

/** An invocation, which stops where it waits: at a barrier, or for the result of an operation on its subgroup. */
export type Waiting = Generator<Barrier | SubgroupSite, void, Scalars | undefined>;
