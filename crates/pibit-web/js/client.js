import { PibitError } from './errors.js';

/**
 * One worker, and the calls that wait for it. A worker that dies (out of memory, ended by the browser) rejects all of
 * them with code `workerLost`; the next call starts another.
 */
export class Client {
  #worker = null;
  #ready = null;
  #calls = new Map();
  #next = 1;
  #lost;

  /** @param {() => void} lost called when a worker is gone that was not ended on purpose */
  constructor(lost = () => {}) {
    this.#lost = lost;
  }

  /**
   * Calls an operation of the worker.
   * @param {string} op
   * @param {object} [args]
   * @param {{onEvent?: (event: any) => void, signal?: AbortSignal, transfer?: Transferable[]}} [options]
   */
  async call(op, args = {}, { onEvent, signal, transfer = [] } = {}) {
    if (signal?.aborted && op !== 'generate') throw new PibitError('aborted', 'stopped by the caller');
    await this.#start();
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const abort = () => this.#worker?.postMessage({ op: 'abort', id });
      const done = (settle) => (value) => {
        signal?.removeEventListener('abort', abort);
        settle(value);
      };
      this.#calls.set(id, { resolve: done(resolve), reject: done(reject), onEvent });
      signal?.addEventListener('abort', abort);
      this.#worker.postMessage({ op, id, args }, transfer);
      if (signal?.aborted) abort();
    });
  }

  /** Ends the worker; its memory goes back to the browser. */
  end() {
    this.#fail(new PibitError('freed', 'the model was freed'));
  }

  #start() {
    this.#ready ??= new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
      this.#worker = worker;
      const lose = (message) => {
        if (this.#worker !== worker) return;
        const error = new PibitError('workerLost', message);
        reject(error);
        this.#fail(error);
        this.#lost();
      };
      worker.onerror = (event) => lose(event.message || 'the worker could not be started');
      worker.onmessage = ({ data }) => {
        if (data.ready) {
          this.#watch(data.lock, () => lose('the worker was ended by the browser'));
          resolve();
        } else if (data.fatal) {
          lose(data.fatal);
        } else {
          this.#settle(data);
        }
      };
    });
    return this.#ready;
  }

  /** A worker holds a lock as long as it lives: who gets the lock after it knows that it is gone. */
  #watch(lock, gone) {
    navigator.locks?.request(lock, gone).catch(() => {});
  }

  #settle({ id, event, error, value }) {
    const call = this.#calls.get(id);
    if (!call) return;
    if (event !== undefined) {
      call.onEvent?.(event);
      return;
    }
    this.#calls.delete(id);
    if (error) call.reject(new PibitError(error.code, error.message));
    else call.resolve(value);
  }

  #fail(error) {
    const worker = this.#worker;
    this.#worker = this.#ready = null;
    worker?.terminate();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(error);
  }
}
