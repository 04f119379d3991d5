/**
 * Types of the platform that public declarations speak of, so that these compile wherever a user's compiler has them or
 * not: WebGPU's and WebAssembly's come from the DOM library, from @webgpu/types or from @types/node, and a project need
 * have none of these. The interfaces below merge with the full ones where there are any, and are opaque where there are
 * none.
 */
/* oxlint-disable typescript/no-empty-object-type, typescript/no-namespace -- the platform's own */
declare global {
  interface GPUBuffer {}
  interface GPUDevice {}
  namespace WebAssembly {
    interface Module {}
  }
}

/** WebGPU's `GPUBuffer`. */
export type GpuBuffer = GPUBuffer;

/** WebGPU's `GPUDevice`. */
export type GpuDevice = GPUDevice;

/** A compiled WebAssembly module. */
export type WasmModule = WebAssembly.Module;

/**
 * Bytes in memory that is not shared, which `fetch`, `WebSocket.send` and `postMessage` take. `Uint8Array<ArrayBuffer>`
 * since TypeScript 5.7; before it `Uint8Array` had no parameter, and is this type by itself.
 */
export type Bytes = ReturnType<Uint8ArrayConstructor['of']>;

/** Words in memory that is not shared. */
export type Words = ReturnType<Uint32ArrayConstructor['of']>;
