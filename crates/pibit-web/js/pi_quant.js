import { PibitError } from './errors.js';
import { module } from './wasm.js';

let glue = null;

/** Fetches the full module into the page. Once is enough. */
export async function init(build) {
  glue ??= await module(build);
}

/** The quantizer on arrays, in the page itself: made by the module's own class. */
export function PiQuant(bits, k) {
  return new (loaded().PiQuant)(bits, k);
}

PiQuant.fromJson = (json) => loaded().PiQuant.fromJson(json);

function loaded() {
  if (!glue) throw new PibitError('failed', 'await init() first');
  return glue;
}
