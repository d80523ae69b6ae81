import { PibitError } from './errors.js';
import { stored } from './store.js';

/** Milliseconds between two reports of progress. */
const REPORT = 50;

/**
 * Streams a file into the module's memory.
 * @returns {Promise<{buffer: any, fromStore: boolean, toStore: null | (() => Blob)}>} `toStore` gives what is worth keeping
 */
export async function receive(glue, source, { memoryBudget, store, signal, onProgress }) {
  const { stream, total, fromStore } = await opened(source, store, signal);
  const buffer = new glue.FileBuffer(total, memoryBudget);
  const pieces = source.url && store && !fromStore ? [] : null;
  let done = 0;
  let reported = 0;
  try {
    const reader = stream.getReader();
    for (;;) {
      const { value, done: end } = await reader.read();
      if (signal.aborted) throw new PibitError('aborted', 'stopped by the caller');
      if (end) break;
      buffer.push(value);
      pieces?.push(value);
      done += value.byteLength;
      if (performance.now() - reported > REPORT) {
        reported = performance.now();
        onProgress({ done, total: total || undefined });
      }
    }
  } catch (error) {
    buffer.free();
    throw named(error);
  }
  onProgress({ done, total: done });
  return { buffer, fromStore, toStore: pieces && (() => new Blob(pieces)) };
}

async function opened({ url, blob }, store, signal) {
  if (blob) return { stream: blob.stream(), total: blob.size, fromStore: false };
  const kept = store && (await stored(url));
  const response = kept || (await fetched(url, signal));
  // A compressed answer's length is not the file's.
  const encoded = response.headers.get('content-encoding');
  const total = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  return { stream: response.body, total, fromStore: Boolean(kept) };
}

async function fetched(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    throw named(error);
  }
  if (!response.ok) throw new PibitError('notFound', `${url}: the server answers ${response.status}`);
  return response;
}

/** Fetching fails with a `TypeError` that has no code. */
function named(error) {
  if (typeof error?.code === 'string') return error;
  const known = PibitError.of(error);
  return known.code === 'aborted' ? known : new PibitError('network', `the file could not be fetched: ${known.message}`);
}
