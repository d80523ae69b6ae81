import { Model, capabilities } from './pibit/index.js';
import { draw } from './histogram.js';

const $ = (id) => document.getElementById(id);
const MB = 2 ** 20;

/** What is loaded: `source` as it came, `quantized` as it was made here, `talking` one of them. */
const state = { source: null, quantized: null, talking: null, messages: [], abort: null, link: null };

function show(id, visible) {
  $(id).hidden = !visible;
}

function fail(error) {
  $('error').textContent = `${error.message} (${error.code ?? 'failed'})`;
  show('error', true);
}

/** Runs an action with its buttons off; its failure is shown, being stopped is none. */
async function act(action) {
  show('error', false);
  state.abort = new AbortController();
  refresh(true);
  try {
    await action(state.abort.signal);
  } catch (error) {
    if (error.code === 'aborted') $('status').textContent = 'Stopped.';
    else fail(error);
  } finally {
    state.abort = null;
    show('progress', false);
    show('cancel', false);
    refresh(false);
  }
}

function refresh(busy) {
  for (const id of ['load-tiny', 'file', 'clear']) $(id).disabled = busy;
  $('url-form').querySelector('button').disabled = busy;
  $('quantize').disabled = busy || !state.source;
  for (const id of ['send', 'adapt', 'forget']) $(id).disabled = busy || !state.talking;
  $('compare').disabled = busy || !(state.source && state.quantized);
}

function progress(share) {
  show('progress', true);
  show('cancel', true);
  if (share === undefined) $('progress').removeAttribute('value');
  else $('progress').value = share;
}

const lost = () => {
  $('status').textContent = 'The model’s worker was ended; it starts again with the next text.';
};

const open = (source, signal) => Model.load(source, {
  signal,
  memoryBudget: Number($('budget').value) * MB,
  onLost: lost,
  onProgress: ({ done, total }) => {
    progress(total ? done / total : undefined);
    $('status').textContent = `${(done / MB).toFixed(1)} MB received`;
  },
});

async function load(source, name) {
  await act(async (signal) => {
    const model = await open(source, signal);
    state.source?.free();
    state.quantized?.free();
    Object.assign(state, { source: model, quantized: null });
    show('use', false);
    show('download', false);
    $('quantized').textContent = '';
    talkTo(model, name);
    await describe(model);
  });
}

function talkTo(model, name) {
  state.talking = model;
  state.messages = [];
  $('messages').replaceChildren();
  $('status').textContent = `Talking to ${name}: ${(model.info.bytes / 1e6).toFixed(1)} MB, ${model.info.bitsPerWeight.toFixed(2)} bits per weight.`;
}

async function describe(model) {
  const { info } = model;
  const formats = Object.entries(info.formats).map(([format, count]) => `${count} × ${format}`).join(', ');
  const facts = {
    Architecture: `${info.architecture}, ${info.layers} layers of ${info.width}`,
    Weights: info.weights.toLocaleString('en'),
    Tensors: formats,
    Checksums: info.verified ? 'right' : 'none in the file',
  };
  $('info').replaceChildren(...Object.entries(facts).flatMap(([key, value]) => [element('dt', key), element('dd', value)]));
  show('info', true);
  const histogram = await model.histogram();
  $('histogram-text').textContent = draw($('histogram'), histogram);
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

async function quantize() {
  const format = $('format').value;
  await act(async (signal) => {
    const start = performance.now();
    const bytes = await state.source.quantize(format, {
      signal,
      onProgress: ({ done, total, tensor }) => {
        progress(done / total);
        $('quantized').textContent = `${done} of ${total}: ${tensor}`;
      },
    });
    const seconds = (performance.now() - start) / 1000;
    const blob = new Blob([bytes]);
    const model = await open(blob, signal);
    state.quantized?.free();
    state.quantized = model;
    if (state.link) URL.revokeObjectURL(state.link);
    state.link = URL.createObjectURL(blob);
    Object.assign($('download'), { href: state.link, download: `model-${format}.gguf` });
    show('download', true);
    show('use', true);
    $('right-title').textContent = `Quantized to ${format}`;
    $('quantized').textContent = `${format}: ${(blob.size / 1e6).toFixed(2)} MB, ${model.info.bitsPerWeight.toFixed(2)} bits per weight, in ${seconds.toFixed(1)} s.`;
  });
}

const options = () => ({
  temperature: Number($('temperature').value),
  seed: Number($('seed').value),
  maxTokens: Number($('tokens').value),
});

const speed = ({ tokens, tokensPerSecond }) => `${tokens.length} tokens, ${tokensPerSecond.toFixed(1)} tokens/s`;

/** Continues a text into an element. */
async function stream(model, prompt, into, signal) {
  return model.generate(prompt, {
    ...options(),
    signal,
    onToken: ({ type, text, done, total }) => {
      if (type === 'token') into.append(text);
      else $('speed').textContent = `reading: ${done} of ${total} tokens`;
    },
  });
}

async function talk() {
  const text = $('prompt').value;
  const { talking } = state;
  state.messages.push({ role: 'user', content: text });
  say('You', text);
  const into = say('Model', '');
  await act(async (signal) => {
    $('stop').disabled = false;
    try {
      const prompt = talking.info.hasChatTemplate ? state.messages : text;
      const answer = await stream(talking, prompt, into, signal);
      state.messages.push({ role: 'assistant', content: answer.text });
      into.textContent = answer.text;
      const memory = await talking.memory();
      $('speed').textContent = `${speed(answer)}; ${(memory.module / MB).toFixed(0)} MB of memory; ended: ${answer.reason}`;
    } catch (error) {
      state.messages.pop();
      throw error;
    } finally {
      $('stop').disabled = true;
    }
  });
}

function say(who, text) {
  const line = element('p', '');
  line.append(element('b', `${who}: `), element('span', text));
  $('messages').append(line);
  $('messages').scrollTop = $('messages').scrollHeight;
  return line.lastChild;
}

async function adapt() {
  const { talking } = state;
  const settings = { steps: Number($('steps').value), rank: Number($('rank').value) };
  await act(async (signal) => {
    const learnt = await talking.adapt($('lesson').value, settings, {
      signal,
      onProgress: ({ step, steps, loss }) => {
        progress(step / steps);
        $('adapted').textContent = `step ${step} of ${steps}: ${loss.toFixed(3)} nats per token`;
      },
    });
    const [before, after] = [learnt.lossBefore, learnt.lossAfter].map((loss) => Math.exp(loss).toFixed(1));
    $('adapted').textContent = `Learnt from ${learnt.tokens} tokens in ${learnt.steps} steps: perplexity of the text ${before} before, ${after} now.`;
  });
}

async function forget() {
  await act(async () => {
    await state.talking.resetAdapter();
    $('adapted').textContent = 'Forgotten.';
  });
}

async function compare() {
  const prompt = $('compare-prompt').value;
  await act(async (signal) => {
    // One after the other: speeds would be those of half a machine otherwise.
    for (const [side, model] of [['left', state.source], ['right', state.quantized]]) {
      $(side).textContent = '';
      const answer = await stream(model, prompt, $(side), signal);
      $(`${side}-speed`).textContent = speed(answer);
    }
    $('speed').textContent = '';
  });
}

const onSubmit = (id, action) => $(id).addEventListener('submit', (event) => {
  event.preventDefault();
  action();
});

$('load-tiny').addEventListener('click', () => load('models/tiny.gguf', 'tiny'));
$('file').addEventListener('change', ({ target }) => {
  const [file] = target.files;
  if (file) load(file, file.name);
});
onSubmit('url-form', () => load($('url').value, $('url').value.split('/').pop()));
onSubmit('quantize-form', quantize);
onSubmit('chat-form', talk);
onSubmit('adapt-form', adapt);
onSubmit('compare-form', compare);
$('forget').addEventListener('click', forget);
$('use').addEventListener('click', () => {
  const { quantized } = state;
  if (quantized) talkTo(quantized, 'the quantized model');
  refresh(false);
});
$('clear').addEventListener('click', () => {
  state.messages = [];
  $('messages').replaceChildren();
});
for (const id of ['stop', 'cancel']) $(id).addEventListener('click', () => state.abort?.abort());

const able = capabilities();
$('capabilities').textContent = able.simd128
  ? `WebAssembly SIMD: yes; relaxed SIMD: ${able.relaxedSimd ? 'yes' : 'no'}.`
  : 'This browser has no WebAssembly SIMD, without which pibit does not run: update it.';
