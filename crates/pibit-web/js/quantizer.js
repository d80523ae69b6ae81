import start, { PiQuant } from './wasm/quantizer/pibit.js';

let ready = null;

/**
 * Fetches the module. Once is enough; later calls wait for the same one.
 * @param {RequestInfo | URL | BufferSource | WebAssembly.Module} [source] where it is, if not beside this file
 */
export function init(source) {
  ready ??= start(source === undefined ? undefined : { module_or_path: source }).then(() => undefined);
  return ready;
}

export { PiQuant };
