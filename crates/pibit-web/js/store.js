/** Files that were fetched, kept by the browser between visits. */
const STORE = 'pibit-models';

const open = () => (typeof caches === 'object' ? caches.open(STORE) : null);

/** A stored file, or `undefined`. */
export async function stored(url) {
  return (await open())?.match(url);
}

/** Keeps a file. A browser that has no room for it does without. */
export async function keep(url, bytes) {
  try {
    await (await open())?.put(url, new Response(bytes, { headers: { 'content-length': String(bytes.size) } }));
  } catch {
    await forget(url);
  }
}

/** Removes a file. */
export async function forget(url) {
  await (await open())?.delete(url);
}
