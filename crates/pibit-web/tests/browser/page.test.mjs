// The page as a person uses it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { installed, onPage, stop } from './page.mjs';

after(stop);

const TINY = new URL('../../../pibit/models/tiny.gguf', import.meta.url);
const axe = installed.resolve('axe-core/axe.min.js');

async function loadTiny(page) {
  await page.click('#load-tiny');
  await page.waitForFunction(() => document.getElementById('histogram').children.length > 10);
}

async function talk(page, text, tokens) {
  await page.fill('#prompt', text);
  await page.fill('#tokens', String(tokens));
  await page.click('#send');
}

const settled = (page) => page.waitForFunction(() => /ended: \w+/.test(document.getElementById('speed').textContent));

test('load, quantize, talk, compare', () => onPage('/', async (page) => {
  await loadTiny(page);
  assert.match(await page.textContent('#status'), /Talking to tiny: 5\.\d MB/);
  await page.selectOption('#format', 'piq3');
  await page.click('#quantize');
  await page.waitForSelector('#download:not([hidden])');
  assert.match(await page.textContent('#quantized'), /^piq3: [12]\.\d+ MB/);
  await page.click('#use');
  await talk(page, 'Mia has 45 coins. Mia finds 38 coins. How many coins does Mia have?', 64);
  await settled(page);
  assert.match(await page.textContent('#speed'), /^\d+ tokens, [\d.]+ tokens\/s; \d+ MB of memory/);
  assert.match(await page.textContent('#messages p:last-child span'), /Answer: 83/);
  await page.click('#compare');
  await page.waitForFunction(() => document.getElementById('right-speed').textContent !== '');
  for (const side of ['#left', '#right']) assert.match(await page.textContent(side), /Answer: 33/);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
}, { viewport: { width: 1000, height: 900 } }));

test('the model learns from a text and forgets it', () => onPage('/', async (page) => {
  await loadTiny(page);
  await page.fill('#lesson', 'The parcel from Oslo weighs nine kilos. The parcel from Rome weighs four kilos.');
  await page.click('#adapt');
  const told = (pattern) => page.waitForFunction((text) => new RegExp(text).test(document.getElementById('adapted').textContent), pattern);
  await told('^Learnt from');
  const [before, after] = (await page.textContent('#adapted')).match(/[\d.]+ before, [\d.]+ now/)[0].match(/[\d.]+/g).map(Number);
  assert.ok(after < 0.6 * before, `${before} before, ${after} now`);
  await page.click('#forget');
  await told('^Forgotten');
}));

test('a generation can be stopped', () => onPage('/', async (page) => {
  await loadTiny(page);
  // Warm enough that the model does not end of itself.
  await page.fill('#temperature', '2');
  await talk(page, 'a', 2000);
  await page.waitForFunction(() => document.querySelector('#messages p:last-child span').textContent.length > 0);
  await page.click('#stop');
  await settled(page);
  assert.match(await page.textContent('#speed'), /ended: stopped/);
}));

test('a damaged file is an error that is seen', () => onPage('/', async (page) => {
  const bytes = await readFile(TINY);
  bytes[bytes.length - 100] ^= 1;
  for (const [name, buffer, expected] of [
    ['flipped.gguf', bytes, /differs from its checksum/],
    ['short.gguf', bytes.subarray(0, 100_000), /not a usable GGUF file/],
    ['text.gguf', Buffer.from('this is no model'), /not a usable GGUF file/],
    ['empty.gguf', Buffer.alloc(0), /not a usable GGUF file/],
  ]) {
    await page.setInputFiles('#file', { name, mimeType: 'application/octet-stream', buffer });
    await page.waitForFunction((text) => new RegExp(text).test(document.getElementById('error').textContent), expected.source);
    assert.ok(await page.isVisible('#error'), name);
    assert.match(await page.textContent('#error'), /badFile/);
    await page.evaluate(() => { document.getElementById('error').textContent = ''; });
  }
  await loadTiny(page);
  assert.ok(await page.isHidden('#error'));
}));

test('a file above the budget is an error that is seen', () => onPage('/', async (page) => {
  // The file fits neither, then the file fits and its cache does not.
  for (const budget of ['1', '6']) {
    await page.fill('#budget', budget);
    await page.click('#load-tiny');
    await page.waitForFunction(() => /overBudget/.test(document.getElementById('error').textContent));
    assert.ok(await page.isVisible('#error'));
    await page.evaluate(() => { document.getElementById('error').textContent = ''; });
  }
}));

test('after its worker is killed the model answers again', () => onPage('/', async (page) => {
  await loadTiny(page);
  await page.workers()[0].evaluate(() => self.close());
  await page.waitForFunction(() => /worker was ended/.test(document.getElementById('status').textContent));
  await talk(page, '12 + 7 =', 8);
  await settled(page);
  assert.ok(await page.isHidden('#error'));
}));

test('accessible, also at the width of a phone', async () => {
  for (const viewport of [{ width: 1000, height: 900 }, { width: 360, height: 740 }]) {
    await onPage('/', async (page) => {
      await loadTiny(page);
      await page.evaluate(await readFile(axe, 'utf8'));
      const { violations } = await page.evaluate(() => window.axe.run());
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes.map((n) => n.html)]), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${viewport.width}: ${overflow} pixels too wide`);
    }, { viewport });
  }
});

for (const name of ['generate', 'quantizer']) {
  test(`example ${name}`, () => onPage(`/pibit/examples/${name}.html`, async (page) => {
    if (name === 'generate') await page.setInputFiles('#file', new URL(TINY).pathname);
    await page.waitForFunction(() => document.getElementById('text').textContent.length > 40);
    assert.doesNotMatch(await page.textContent('#text'), /undefined|badFile|failed/);
  }));
}
