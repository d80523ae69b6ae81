import { Client } from './client.js';

/** Compares formats, in a worker. */
export class QuantBench {
  #client = new Client();

  /** Names of the formats that can be made. */
  formats() {
    return this.#client.call('formats');
  }

  /** How near each format comes to `weights`, rows of `rowLength`. */
  compareFormats(weights, rowLength, formats) {
    return this.#client.call('compareFormats', { weights: Float32Array.from(weights), rowLength, formats });
  }

  /** How fast a format is decoded and multiplied in this tab. */
  runBench(format, { seconds = 1, build } = {}) {
    return this.#client.call('runBench', { format, seconds, build });
  }

  /** Ends its worker. */
  free() {
    this.#client.end();
  }
}
