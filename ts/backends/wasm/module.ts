/** The wasm backend from a compiled module: all that opening it has to wait for is done. */
import { EXPORTS } from '../../generated/wasm-exports.ts';
import type { Backend } from '../backend.ts';
import { start } from './backend.ts';
import { allKernels } from './kernels/index.ts';
import { symbolDecoderOf } from './symbols.ts';

/**
 * Starts the backend on one thread; `note` joins what it says of itself.
 * @throws Error where `module` is not fewbits'
 */
export function startModule(module: WebAssembly.Module, note = ''): Backend {
  if (!isOurs(module))
    throw new Error('"module" is not one of the WebAssembly modules of this version of fewbits');
  return start(module, allKernels, { note, symbolsOf: symbolDecoderOf });
}

function isOurs(module: unknown): module is WebAssembly.Module {
  if (!(module instanceof WebAssembly.Module)) return false;
  const names = WebAssembly.Module.exports(module).map((entry) => entry.name);
  const imports = WebAssembly.Module.imports(module);
  return (
    imports.length === 1 && imports[0].kind === 'memory' && EXPORTS.every((name) => names.includes(name))
  );
}
