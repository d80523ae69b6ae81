// The package as a program uses it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { onPage, stop } from './page.mjs';

after(stop);

/** Runs `work` in a page with the package. */
const withPackage = (work) => onPage('/', async (page) => assert.deepEqual(await page.evaluate(work), 'done'));

test('the small quantizer', () => withPackage(async () => {
  const { init, PiQuant } = await import('./pibit/quantizer.js');
  const check = (fine, what) => { if (!fine) throw new Error(what); };
  const code = (work) => { try { work(); } catch (error) { return error.code; } return 'nothing'; };
  await init();
  const weights = Float32Array.from({ length: 288 }, (_, i) => Math.sin(i * 1.7));
  for (const [bits, bitsPerWeight, bytes] of [[2, 2.0625, 66 + 10], [3, 3.0625, 98 + 14]]) {
    const quantizer = new PiQuant(bits);
    check(quantizer.bitsPerWeight === bitsPerWeight, 'bits per weight');
    const packed = quantizer.quantize(weights);
    check(packed.length === bytes, `${packed.length} bytes`);
    const again = quantizer.dequantize(packed);
    const mse = weights.reduce((sum, w, i) => sum + (w - again[i]) ** 2, 0) / weights.length;
    check(Math.abs(mse - quantizer.computeMse(weights)) < 1e-9, 'mean squared error');
    check(mse < 0.2 / 4 ** (bits - 2) , `${bits} bits: ${mse}`);
    // Every weight is a level times its block's step.
    const step = quantizer.stepSize(weights);
    check(again.slice(0, 256).every((w) => quantizer.levels.some((level) => Math.abs(w - level * step) < 1e-5)), 'levels');
    check(PiQuant.fromJson(quantizer.toJson()).bits === bits, 'JSON');
    quantizer.free();
  }
  const three = new PiQuant(3, 5);
  check(three.k === 5 && PiQuant.fromJson(three.toJson()).k === 5, 'k');
  check(code(() => new PiQuant(4)) === 'badInput', 'bits');
  check(code(() => new PiQuant(3, 9)) === 'badInput', 'k out of range');
  check(code(() => three.quantize(new Float32Array(33))) === 'badInput', 'length');
  check(code(() => three.quantize(new Float32Array(32).fill(NaN))) === 'badInput', 'NaN');
  check(code(() => three.dequantize(new Uint8Array(5))) === 'badInput', 'bytes');
  check(code(() => PiQuant.fromJson('{"bits":"3"}')) === 'badInput', 'no number');
  check(code(() => PiQuant.fromJson('[')) === 'badInput', 'no JSON');
  check(code(() => PiQuant.fromJson(' '.repeat(5000))) === 'messageTooLong', 'long JSON');
  return 'done';
}));

test('the full quantizer and comparisons', () => withPackage(async () => {
  const { init, PiQuant, QuantBench } = await import('./pibit/index.js');
  const check = (fine, what) => { if (!fine) throw new Error(what); };
  await init();
  const weights = Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i * i * 0.37));
  const db = [2, 3].map((bits) => new PiQuant(bits).spectralDistortion(weights));
  check(db[1] < db[0] - 3 && db[0] < 0, `${db}`);
  const bench = new QuantBench();
  check((await bench.formats()).includes('t2'), 'formats');
  const rows = await bench.compareFormats(weights, 1024, ['piq2', 'piq3', 'q8_0']);
  check(rows.every((row, i) => i === 0 || row.mse < rows[i - 1].mse), 'more bits, less error');
  const refused = await bench.compareFormats(weights, 1000, ['piq2']).catch((error) => error);
  check(refused.code === 'badInput', refused.code);
  const speed = await bench.runBench('piq3', { seconds: 0.05 });
  check(speed.dequantizeGbS > 0 && speed.matvecGbS > 0, 'speed');
  bench.free();
  return 'done';
}));

test('chat templates are rendered as natively, and within bounds', () => withPackage(async () => {
  const { render } = await import('./pibit/chat_template.js');
  const check = (fine, what) => { if (!fine) throw new Error(what); };
  const of = (template, messages, limit) => render({ template, bos: '<s>', eos: '</s>' }, messages, limit);
  const said = (role, content) => ({ role, content });
  const failure = (promise) => promise.then(() => ({}), (error) => error);
  // Texts and expectations of inference's own tests.
  const smollm2 = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  const greeted = await of(smollm2, [said('user', 'Hi')]);
  check(greeted === '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n', greeted);
  const real = "{%- set ns = namespace(last='') -%}\n{% for m in messages[1:] %}\n  {% if m.role == 'tool' %}{% continue %}{% endif %}\n{% set ns.last = m.content.split('</think>')[-1].strip() %}\n{% endfor %}\n{{ bos_token }}{{ ns.last }}{% if messages[0]['content'].startswith('a') %} a{% endif %} {{ [messages[0], 1]|tojson }}{%- if tools is none and strftime_now is not defined %} ok{% endif %}";
  const used = await of(real, [said('user', 'a<é'), said('assistant', 'x</think> y '), said('tool', 'z')]);
  check(used === '<s>y a [{"role": "user", "content": "a<é"}, 1] ok', used);
  const refused = await failure(of("{{ raise_exception('roles must alternate') }}", []));
  check(refused.code === 'badFile' && refused.message.includes('roles must alternate'), refused.message);
  check((await failure(of('{% for %}', []))).code === 'badFile', 'no template');
  const endless = '{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}';
  const ended = await failure(of(endless, [], 300));
  check(ended.code === 'badFile' && ended.message.includes('0.3 seconds'), ended.message);
  check((await failure(of(smollm2, [{ role: 'user' }]))).code === 'badInput', 'no content');
  check((await of('{{ bos_token }}', [])) === '<s>', 'another worker after one that was ended');
  return 'done';
}));

test('an adapter learns from a text in the tab', () => withPackage(async () => {
  const { Model, QatConfig } = await import('./pibit/index.js');
  const check = (fine, what) => { if (!fine) throw new Error(what); };
  const code = (promise) => promise.then(() => 'nothing', (error) => error.code);
  const model = await Model.load('models/tiny.gguf');
  const text = 'The parcel from Oslo weighs nine kilos. The parcel from Rome weighs four kilos. ';
  const held = 'The parcel from Cork weighs seven kilos. The parcel from Bonn weighs two kilos. ';
  const before = [(await model.perplexity(text)).ppl, (await model.perplexity(held)).ppl];
  const seen = [];
  const adapted = await model.adapt(text, new QatConfig({ rank: 8, steps: 24 }), { onProgress: (p) => seen.push(p.loss) });
  check(adapted.steps === 24 && seen.length === 24 && adapted.tokens > 20, JSON.stringify(adapted));
  check(seen.every((loss, i) => i === 0 || loss <= seen[i - 1]), 'the loss never rises');
  check(adapted.lossAfter < 0.6 * adapted.lossBefore, JSON.stringify(adapted));
  const after = [(await model.perplexity(text)).ppl, (await model.perplexity(held)).ppl];
  check(after[0] < 0.5 * before[0], `the text itself: ${before[0]} to ${after[0]}`);
  check(after[1] < 0.9 * before[1], `a text like it: ${before[1]} to ${after[1]}`);
  await model.resetAdapter();
  check((await model.perplexity(text)).ppl === before[0], 'taken away');
  const abort = new AbortController();
  const early = await model.adapt(text, { steps: 500 }, { signal: abort.signal, onProgress: ({ step }) => step === 3 && abort.abort() });
  check(early.steps >= 3 && early.steps < 500, `aborted after ${early.steps} steps`);
  check(await code(model.adapt('')) === 'badInput', 'nothing to learn from');
  check(await code(model.adapt(text, { rank: 0 })) === 'badInput', 'rank');
  check(await code(model.adapt(text, { speed: 1 })) === 'badInput', 'unknown setting');
  check(QatConfig.fromJson(new QatConfig({ rank: 2 }).toJson()).rank === 2, 'settings as JSON');
  model.free();
  const small = await Model.load('models/tiny.gguf', { memoryBudget: 12e6 }).catch((error) => error);
  if (small instanceof Model) {
    check(await code(small.adapt('word '.repeat(900))) === 'overBudget', 'a text above the budget');
    small.free();
  }
  return 'done';
}));

test('models: perplexity, seeds, limits, aborting, storage, freeing', () => withPackage(async () => {
  const { Model } = await import('./pibit/index.js');
  const check = (fine, what) => { if (!fine) throw new Error(what); };
  const code = (promise) => promise.then(() => 'nothing', (error) => error.code);
  const seen = [];
  const model = await Model.load('models/tiny.gguf', { onProgress: (p) => seen.push(p) });
  check(seen.at(-1).done === model.info.bytes, 'progress');
  check(model.info.verified, 'checksums');
  const stored = await (await caches.open('pibit-models')).keys();
  check(stored.length === 1, 'kept');
  const text = 'def add(a, b):\n    return a + b\n'.repeat(20);
  const { ppl } = await model.perplexity(text);
  // `pibit eval tiny --text … --ctx 512 --activations int8` says 35,527: no text that it was trained on.
  check(Math.abs(ppl / 35_527 - 1) < 0.01, `perplexity ${ppl}`);
  const draw = (seed) => model.generate('a', { temperature: 1, seed, maxTokens: 24 });
  const [one, same, other] = [await draw(1), await draw(1), await draw(2)];
  check(one.text === same.text && one.text !== other.text, 'seeds');
  check((await model.generate('a', { maxTokens: 0 })).tokens.length === 0, 'no tokens');
  check(await code(model.generate('a'.repeat(20000))) === 'contextFull', 'long prompt');
  check(await code(model.generate('a', { temperature: -1 })) === 'badInput', 'temperature');
  check(await code(model.quantize('q9_9')) === 'badInput', 'format');
  check(await code(Model.load('models/none.gguf')) === 'notFound', 'no file');
  check(await code(Model.load('models/tiny.gguf', { signal: AbortSignal.abort() })) === 'aborted', 'aborted');
  const abort = new AbortController();
  const onProgress = () => abort.abort();
  check(await code(model.quantize('piq2', { onProgress, signal: abort.signal })) === 'aborted', 'quantization aborted');
  const { module, cache } = await model.memory();
  check(module > model.info.bytes && cache >= 0, 'memory');
  model.free();
  check(await code(model.generate('a')) === 'freed', 'freed');
  // What the browser kept is checked like what is fetched.
  const cacheOf = await caches.open('pibit-models');
  await cacheOf.put(stored[0], new Response('no model'));
  check(await code(Model.load('models/tiny.gguf')) === 'badFile', 'damaged in store');
  (await Model.load('models/tiny.gguf')).free();
  return 'done';
}));
