/**
 * Constants as type parameters: rows<On, Off>(...) is compiled apart from rows<On, On>(...). Where a function is
 * inlined with different constants as arguments, asc merges the copies again, and their loops decide anew at each
 * iteration.
 */
export type On = u8;
export type Off = u16;

/** Whether two such types are the same; known at compile time. */
// @ts-ignore: decorator
@inline
export function is<A, B>(): bool {
  return sizeof<A>() == sizeof<B>();
}
