// A browser with the page open: what every test begins with.
//
// PIBIT_WEB: address of the built page. PIBIT_NODE: a folder where this folder's package.json is installed. CHROMIUM: the
// browser, /usr/bin/chromium by default.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Resolves packages that are installed outside of the clone. */
export const installed = createRequire(join(process.env.PIBIT_NODE, 'package.json'));

const { chromium } = installed('playwright-core');

export const ADDRESS = process.env.PIBIT_WEB;

let browser = null;

export async function start() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Run as root in containers, where there is no sandbox to be had and little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  return browser;
}

export const stop = () => browser?.close();

/** Runs `work` on a page of its own; a request to elsewhere or an uncaught error fails it. */
export async function onPage(path, work, options = {}) {
  const context = await (await start()).newContext(options);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(ADDRESS) && !/^(blob|data):/.test(url)) wrong.push(`external request: ${url}`);
  });
  page.setDefaultTimeout(60_000);
  try {
    await page.goto(`${ADDRESS}${path}`);
    await work(page);
    if (wrong.length) throw new Error(wrong.join('\n'));
  } finally {
    await context.close();
  }
}
