// A browser draws the same tokens as the command line, for the same file, prompt and seed, in both builds.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { onPage, stop } from './page.mjs';

const { PIBIT } = process.env;
const PROMPTS = [
  '12 + 7 =',
  'def add(a, b):',
  'The capital of France is',
  'Tom has 12 apples. Tom buys 7 more. '.repeat(4),
  // Where engines of regular expressions differ: white space, folded case, pairs of surrogates, numbers.
  "I'LL we'ſ naïve 日本語\u0085\ufeff\u3000 😀 ²٣12345  \r\n\tx",
];
const TOKENS = 48;

let folder;
before(() => { folder = mkdtempSync(join(tmpdir(), 'pibit-web-')); });
after(async () => {
  rmSync(folder, { recursive: true });
  await stop();
});

// The reference instructions: all sets give their bits, but for AVX-512 on prompts of 8 tokens and more.
const env = { ...process.env, PIBIT_ISA: 'scalar' };
const pibit = (...args) => execFileSync(PIBIT, [...args, '--quiet'], { encoding: 'utf8', env });

for (const format of ['piq2', 'piq3', 't2']) {
  test(`${format} as on the command line`, { skip: PIBIT ? false : 'PIBIT names no command line to compare with' }, () => onPage('/', async (page) => {
    const file = join(folder, `${format}.gguf`);
    pibit('quantize', 'tiny', '-f', format, '-o', file);
    const bytes = readFileSync(file).toString('base64');
    for (const build of ['simd128', 'relaxed']) {
      for (const [seed, prompt] of PROMPTS.entries()) {
        const temperature = seed === 0 ? 0 : 0.8;
        const natively = pibit('run', file, '-p', prompt, '-n', String(TOKENS), '--temp', String(temperature), '--seed', String(seed));
        const here = await page.evaluate(async ({ bytes, build, prompt, ...options }) => {
          const { Model } = await import('./pibit/index.js');
          const model = await Model.load(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)), { build });
          const { text } = await model.generate(prompt, options);
          model.free();
          return text;
        }, { bytes, build, prompt, temperature, seed, maxTokens: TOKENS });
        assert.equal(`${prompt}${here}\n`, natively, `${build}, seed ${seed}`);
      }
    }
  }));
}
