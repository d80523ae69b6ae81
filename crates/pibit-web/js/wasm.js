import { capabilities } from './capabilities.js';
import { PibitError } from './errors.js';

/**
 * The module's JavaScript for this browser, ready to use.
 * @param {'simd128' | 'relaxed'} [build] by default the fastest that the browser can run
 */
export async function module(build) {
  const able = capabilities();
  if (!able.simd128) throw new PibitError('unsupported', 'this browser has no WebAssembly SIMD; update it');
  build ??= able.relaxedSimd ? 'relaxed' : 'simd128';
  const glue = await (build === 'relaxed' ? import('./wasm/relaxed/pibit.js') : import('./wasm/simd128/pibit.js'));
  await glue.default();
  return glue;
}
