import { Client } from './client.js';
import { PibitError } from './errors.js';
import { QatConfig } from './qat_config.js';

/** Bytes of memory that a model may take where the page does not say: half of what a tab of a small phone gets. */
const MEMORY_BUDGET = 2 ** 30;

/** A language model in a worker of its own. */
export class Model {
  #client;
  #open;
  #freed = false;
  /** What is in the file. */
  info;

  constructor(client, open, info) {
    this.#client = client;
    this.#open = open;
    this.info = info;
  }

  /**
   * Loads a GGUF file from an address, a File or Blob, or bytes.
   * @param {string | URL | Blob | ArrayBuffer | Uint8Array} source
   */
  static async load(source, { onProgress, onLost, memoryBudget = MEMORY_BUDGET, contextLength = 0, store = true, build, signal } = {}) {
    const args = { source: described(source), memoryBudget, contextLength, store, build };
    let model = null;
    const client = new Client(() => {
      model?.forget();
      onLost?.();
    });
    const open = (options) => client.call('load', args, options);
    try {
      model = new Model(client, open, await open({ onEvent: onProgress, signal }));
      return model;
    } catch (error) {
      client.end();
      throw PibitError.of(error);
    }
  }

  /** For {@link Client}: the worker is gone, the next call loads the file again. */
  forget() {
    this.#loading = null;
  }

  #loading = Promise.resolve();

  async #call(op, args, options) {
    if (this.#freed) throw new PibitError('freed', 'the model was freed');
    this.#loading ??= this.#open();
    await this.#loading;
    return this.#client.call(op, args, options);
  }

  /** Continues a text, or answers a conversation. Aborting `signal` ends it early; what was generated is returned. */
  async generate(prompt, { onToken, signal, temperature = 0, seed = 0, maxTokens = 128 } = {}) {
    const args = { prompt, temperature, seed, maxTokens };
    return this.#call('generate', args, { onEvent: onToken, signal });
  }

  /** Perplexity of a text. */
  async perplexity(text, { onProgress } = {}) {
    return this.#call('perplexity', { text }, { onEvent: onProgress });
  }

  /**
   * Lets the model learn from a text by an adapter, for as long as it is loaded. Aborting `signal` ends it early; what was
   * learnt is kept.
   */
  async adapt(text, config = new QatConfig(), { onProgress, signal } = {}) {
    const checked = config instanceof QatConfig ? config : new QatConfig(config);
    return this.#call('adapt', { text: String(text), config: checked.toJson() }, { onEvent: onProgress, signal });
  }

  /** Takes the adapter away. */
  async resetAdapter() {
    return this.#call('resetAdapter');
  }

  /** The model in another format, as the bytes of a GGUF file. */
  async quantize(format, { onProgress, signal } = {}) {
    return this.#call('quantize', { format }, { onEvent: onProgress, signal });
  }

  /** Distribution of a middle layer's weights, with the levels of π formats. */
  async histogram() {
    return this.#call('histogram');
  }

  /** What it takes. */
  async memory() {
    return this.#call('memory');
  }

  /** Ends its worker. */
  free() {
    this.#freed = true;
    this.#client.end();
  }
}

function described(source) {
  if (typeof source === 'string' || source instanceof URL) return { url: new URL(source, document.baseURI).href };
  if (source instanceof Blob) return { blob: source };
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return { blob: new Blob([source]) };
  throw new PibitError('badInput', 'a model is loaded from an address, a File or Blob, or an ArrayBuffer');
}
