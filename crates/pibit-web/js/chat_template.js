import { PibitError } from './errors.js';

/** Milliseconds that a template may take; real ones take a few. */
const LIMIT = 10_000;

let worker = null;

/**
 * The text of a conversation in a model's own template, up to where the answer begins.
 * @param {{template: string, bos: string, eos: string}} chat
 * @param {{role: string, content: string}[]} messages
 * @param {number} [limit] milliseconds
 * @returns {Promise<string>}
 */
export async function render({ template, bos, eos }, messages, limit = LIMIT) {
  if (!messages.every(({ role, content }) => typeof role === 'string' && typeof content === 'string')) {
    throw new PibitError('badInput', 'a message of a conversation has a `role` and a `content`, both text');
  }
  const context = {
    messages: messages.map(({ role, content }) => ({ role, content })),
    add_generation_prompt: true,
    bos_token: bos,
    eos_token: eos,
    // As Hugging Face's renderer passes them: templates test for none.
    tools: null,
    documents: null,
  };
  worker ??= new Worker(new URL('./template_worker.js', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    const fail = (message) => {
      worker.terminate();
      worker = null;
      reject(new PibitError('badFile', `chat template: ${message}`));
    };
    const timer = setTimeout(() => fail(`not rendered within ${limit / 1000} seconds`), limit);
    worker.onerror = ({ message }) => {
      clearTimeout(timer);
      fail(message || 'its worker could not be started');
    };
    worker.onmessage = ({ data: { text, error } }) => {
      clearTimeout(timer);
      if (error === undefined) resolve(text);
      else fail(error);
    };
    worker.postMessage({ template, context });
  });
}
