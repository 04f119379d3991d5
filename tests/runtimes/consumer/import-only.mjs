/**
 * Imports every entry while all that a runtime adds to the language is out of reach: timers, WebAssembly, navigator,
 * process and the rest. Prints what was reached for.
 */
const { log } = console;
const language = new Set(
  `Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error
  AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError globalThis JSON Math Intl ArrayBuffer
  Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float16Array Float32Array Float64Array
  Uint8ClampedArray BigUint64Array BigInt64Array DataView Map BigInt Set Iterator WeakMap WeakSet WeakRef Proxy Reflect
  FinalizationRegistry decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval isFinite isNaN`.split(
    /\s+/,
  ),
);
const touched = new Set();
const kept = new Map();
const elsewhere = ['navigator', 'document', 'window', 'self', 'Deno', 'Bun'];
for (const name of new Set([...Object.getOwnPropertyNames(globalThis), ...elsewhere])) {
  const own = Object.getOwnPropertyDescriptor(globalThis, name) ?? { configurable: true, value: undefined };
  if (language.has(name) || !own.configurable) continue;
  kept.set(name, own);
  const get = () => {
    touched.add(name);
    return own.get ? own.get.call(globalThis) : own.value;
  };
  Object.defineProperty(globalThis, name, { configurable: true, get });
}
let handles;
try {
  for (const entry of [
    'fewbits',
    'fewbits/kernels',
    'fewbits/algorithms',
    'fewbits/sparse',
    'fewbits/messages',
    'fewbits/verify',
    'fewbits/runs',
  ])
    await import(entry);
} finally {
  for (const [name, own] of kept) Object.defineProperty(globalThis, name, own);
  handles = process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate');
}
log(JSON.stringify([...touched, ...handles]));
