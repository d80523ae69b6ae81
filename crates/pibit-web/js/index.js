export { QuantBench } from './bench.js';
export { capabilities } from './capabilities.js';
export { PibitError } from './errors.js';
export { Model } from './model.js';
export { PiQuant, init } from './pi_quant.js';
export { QatConfig } from './qat_config.js';
