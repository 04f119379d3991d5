/** Milliseconds after which a turn closes with a quorum, and a wait is told of, if nothing else is asked for. */
export const DEADLINE = 30_000;
