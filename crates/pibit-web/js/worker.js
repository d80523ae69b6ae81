// The worker: runs the module, so that the page never waits. One model per worker.
import { render } from './chat_template.js';
import { PibitError } from './errors.js';
import { receive } from './receive.js';
import { forget, keep } from './store.js';
import { module } from './wasm.js';

/** Who holds this lock is alive. On plain http in a local network there is no randomUUID. */
const LOCK = `pibit-worker-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;

const aborts = new Map();
let glue = null;
let file = null;
let session = null;

/** Lets messages in: "stop" is heard between two tokens. */
const ear = new MessageChannel();
const waiting = [];
ear.port2.onmessage = () => waiting.shift()();
const breathe = () => new Promise((resolve) => {
  waiting.push(resolve);
  ear.port1.postMessage(null);
});

const operations = {
  async load({ source, memoryBudget, contextLength, store, build }, { event, signal }) {
    glue ??= await module(build);
    const received = await receive(glue, source, { memoryBudget, store, signal, onProgress: event });
    try {
      file = new glue.ModelFile(received.buffer);
    } catch (error) {
      if (received.fromStore) await forget(source.url);
      throw error;
    }
    if (received.toStore) await keep(source.url, received.toStore());
    session = new glue.Session(file, contextLength);
    return JSON.parse(file.info());
  },

  async generate({ prompt, temperature, seed, maxTokens }, { id, event, signal }) {
    const chat = Array.isArray(prompt);
    const text = chat ? await render(JSON.parse(session.chatTemplate()), prompt) : String(prompt);
    session.begin(JSON.stringify({ type: 'generate', id, prompt: text, maxTokens, temperature, seed }), chat);
    const clock = { start: performance.now(), first: 0 };
    let answer = '';
    for (;;) {
      if (signal.aborted) session.stop();
      const reply = JSON.parse(session.step());
      if (reply.type === 'error') throw new PibitError(reply.code, reply.message);
      if (reply.type === 'token' && !clock.first) clock.first = performance.now();
      if (reply.text) answer += reply.text;
      if (reply.type === 'end') return finished(answer, reply, clock);
      event(reply);
      await breathe();
    }
  },

  async perplexity({ text }, { event }) {
    return JSON.parse(session.perplexity(text, (progress) => event(JSON.parse(progress))));
  },

  async adapt({ text, config }, { event, signal }) {
    const { rank, seed, steps } = JSON.parse(config);
    const work = new glue.Adaptation(session, text, JSON.stringify({ rank, seed }));
    try {
      const { tokens, loss: lossBefore } = JSON.parse(work.state());
      let [step, loss] = [0, lossBefore];
      // Aborting ends it early; what was learnt is kept.
      while (step < steps && !signal.aborted) {
        ({ loss } = JSON.parse(work.step()));
        step += 1;
        event({ step, steps, loss });
        await breathe();
      }
      work.apply(session);
      return { tokens, steps: step, lossBefore, lossAfter: loss };
    } finally {
      work.free();
    }
  },
  resetAdapter: async () => session.resetAdapter(),

  async quantize({ format }, { event, signal }) {
    const work = new glue.Requantizer(file, format);
    for (let progress; (progress = work.step()); ) {
      event(JSON.parse(progress));
      await breathe();
      if (signal.aborted) {
        work.free();
        throw new PibitError('aborted', 'stopped by the caller');
      }
    }
    return work.finish();
  },

  histogram: async () => JSON.parse(file.histogram()),
  memory: async () => JSON.parse(session.memory()),

  async formats() {
    return JSON.parse((await bench()).formats());
  },
  async compareFormats({ weights, rowLength, formats }) {
    return JSON.parse((await bench()).compareFormats(weights, rowLength, formats.join()));
  },
  async runBench({ format, seconds, build }) {
    return JSON.parse((await bench(build)).runBench(format, seconds));
  },
};

async function bench(build) {
  glue ??= await module(build);
  return new glue.QuantBench();
}

/** What a generation gives: times begin when the prompt is read, and rates leave the first token out. */
function finished(text, { reason }, { start, first }) {
  const { tokens } = JSON.parse(session.tokens());
  const now = performance.now();
  const seconds = (now - start) / 1000;
  const drawing = first ? (now - first) / 1000 : 0;
  const tokensPerSecond = tokens.length > 1 && drawing > 0 ? (tokens.length - 1) / drawing : 0;
  return { text, tokens, reason, seconds, promptSeconds: first ? (first - start) / 1000 : seconds, tokensPerSecond };
}

async function run({ op, id, args }) {
  const abort = new AbortController();
  aborts.set(id, abort);
  const event = (value) => postMessage({ id, event: value });
  try {
    const value = await operations[op](args, { id, event, signal: abort.signal });
    postMessage({ id, value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    // Without a code it is a panic or the end of memory: the module is in no state to go on.
    const isOurs = typeof error?.code === 'string' || error?.name === 'AbortError';
    const { code, message } = isOurs ? PibitError.of(error) : { code: 'workerLost', message: String(error?.message ?? error) };
    postMessage({ id, error: { code, message } });
    if (code === 'workerLost') {
      postMessage({ fatal: message });
      close();
    }
  } finally {
    aborts.delete(id);
  }
}

let last = Promise.resolve();
onmessage = ({ data }) => {
  if (data.op === 'abort') aborts.get(data.id)?.abort();
  else last = last.then(() => run(data));
};

const ready = () => postMessage({ ready: true, lock: LOCK });
if (navigator.locks) {
  navigator.locks.request(LOCK, () => {
    ready();
    return new Promise(() => {});
  });
} else {
  ready();
}
