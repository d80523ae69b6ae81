// Speed in Chromium beside wllama and the command line, all on one thread, in one run; medians of ROUNDS.
//
//   PIBIT_WEB=http://127.0.0.1:8080 PIBIT_NODE=folder PIBIT=pibit node speed.mjs OURS.gguf… [--wllama Q2_K.gguf]
//
// PIBIT_NODE is a folder where playwright-core and, for --wllama, @wllama/wllama 3.8.1 are installed.
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';

const { PIBIT_WEB, PIBIT_NODE, PIBIT, CHROMIUM = '/usr/bin/chromium' } = process.env;
const [ROUNDS, TOKENS, PROMPT] = [5, 64, 'The capital of France is'];
const args = process.argv.slice(2);
const at = args.indexOf('--wllama');
const theirs = at < 0 ? null : args[at + 1];
const ours = at < 0 ? args : args.slice(0, at);
const { chromium } = createRequire(join(PIBIT_NODE, 'package.json'))('playwright-core');

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

/** Models, and Node's packages for the page that runs wllama. */
const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html' };
const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
  const file = path.startsWith('/model/') ? [...ours, theirs].find((m) => m && basename(m) === path.slice(7)) : join(PIBIT_NODE, 'node_modules', path);
  const headers = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
  if (path === '/') return response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end('<!doctype html><title>wllama</title>');
  if (!file || file.includes('..') || !existsSync(file)) return response.writeHead(404, headers).end();
  response.writeHead(200, { ...headers, 'content-length': statSync(file).size, 'content-type': types[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.on('listening', resolve));
const files = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const page = async (address) => {
  const made = await browser.newPage();
  made.setDefaultTimeout(600_000);
  await made.goto(address);
  return made;
};

const here = await page(PIBIT_WEB);
for (const model of ours) {
  const rates = await here.evaluate(async ({ url, rounds, tokens, prompt }) => {
    const { Model } = await import('./pibit/index.js');
    const model = await Model.load(url, { store: false });
    const run = () => model.generate(prompt, { maxTokens: tokens });
    await run(); // the browser's optimising compiler catches up
    const rates = [];
    for (let i = 0; i < rounds; i++) rates.push((await run()).tokensPerSecond);
    model.free();
    return rates;
  }, { url: `${files}/model/${basename(model)}`, rounds: ROUNDS, tokens: TOKENS, prompt: PROMPT });
  console.log(`pibit in Chromium, ${basename(model)}, ${(statSync(model).size / 1e6).toFixed(1)} MB: ${median(rates).toFixed(1)} tokens/s`);
}
if (theirs) {
  const there = await page(files);
  const rates = await there.evaluate(async ({ url, rounds, tokens, prompt }) => {
    const { Wllama } = await import('/@wllama/wllama/esm/index.js');
    const wllama = new Wllama({ default: '/@wllama/wllama/esm/wasm/wllama.wasm' }, { suppressNativeLog: true });
    await wllama.loadModelFromUrl(url, { n_threads: 1, n_ctx: 512, n_gpu_layers: 0, useCache: false });
    const rates = [];
    for (let i = 0; i <= rounds; i++) {
      const { timings } = await wllama.createCompletion({ prompt, max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: false });
      rates.push(timings.predicted_per_second);
    }
    return rates.slice(1);
  }, { url: `${files}/model/${basename(theirs)}`, rounds: ROUNDS, tokens: TOKENS, prompt: PROMPT });
  console.log(`wllama in Chromium, ${basename(theirs)}, ${(statSync(theirs).size / 1e6).toFixed(1)} MB: ${median(rates).toFixed(1)} tokens/s`);
}
const bench = await here.evaluate(async () => {
  const { QuantBench } = await import('./pibit/index.js');
  return new QuantBench().runBench('piq3', { seconds: 1 });
});
console.log(`PiQ3 in Chromium (${bench.instructions}): dequantizes ${bench.dequantizeGbS.toFixed(2)} GB/s, multiplies ${(bench.matvecMops / 1e3).toFixed(1)} G/s`);
for (const model of PIBIT ? ours : []) {
  const start = (tokens) => {
    const began = performance.now();
    execFileSync(PIBIT, ['run', model, '-p', PROMPT, '-n', String(tokens), '--threads', '1', '--quiet']);
    return performance.now() - began;
  };
  // Two lengths: what loading takes drops out.
  const rates = Array.from({ length: ROUNDS }, () => (TOKENS * 3 * 1000) / (start(TOKENS * 4) - start(TOKENS)));
  console.log(`pibit natively, one thread, ${basename(model)}: ${median(rates).toFixed(1)} tokens/s`);
}
await browser.close();
server.close();
