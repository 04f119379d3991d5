/**
 * While a GPU works, Dawn in Node looks for what has come of it in every turn of the event loop: that keeps a core busy
 * which a software GPU computes on, and the other tests. With this it looks once a millisecond.
 */
const MILLISECONDS = 1;

/**
 * Whether a callback is one of an addon's: those have no text, no name, and a prototype. Bound functions have a name,
 * and what resolves a promise has no prototype: tests wait for many turns of the event loop by that.
 */
export const isOfAddon = (callback: (...args: never[]) => void): boolean =>
  callback.name === '' && 'prototype' in callback && String(callback).includes('[native code]');

/** Dawn takes `setImmediate` from the global object each time. */
export function makeDawnPatient(): void {
  const immediately = globalThis.setImmediate;
  const patiently = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown =>
    isOfAddon(callback) ? setTimeout(callback, MILLISECONDS, ...args) : immediately(callback, ...args);
  globalThis.setImmediate = Object.assign(patiently, immediately as object) as typeof setImmediate;
}
