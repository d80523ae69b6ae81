// Runs a WASI program in headless Chromium with our arguments and environment; its exit status is ours.
//
// PIBIT_NODE: a folder with playwright-core and a WASI for browsers. CHROMIUM: the browser, /usr/bin/chromium by default.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const installed = createRequire(join(process.env.PIBIT_NODE, "package.json"));
const { chromium } = installed("playwright-core");
const shim = dirname(installed.resolve("@bjorn3/browser_wasi_shim"));

const [program, ...args] = process.argv.slice(2);
// A panic ends the program before libtest shows what it captured.
const env = { PIBIT_ISA: process.env.PIBIT_ISA ?? "", RUST_TEST_NOCAPTURE: "1" };
const origin = "http://pibit.test";

/** What the page asks for: an empty page, the program and the WASI's modules. */
async function answer(route) {
  const path = new URL(route.request().url()).pathname;
  if (path === "/") return route.fulfill({ contentType: "text/html", body: "<!doctype html><title>tests</title>" });
  if (path === "/program.wasm") return route.fulfill({ contentType: "application/wasm", body: await readFile(program) });
  if (!/^\/wasi\/[a-z_]+\.js$/.test(path)) return route.fulfill({ status: 404 });
  return route.fulfill({ contentType: "text/javascript", body: await readFile(join(shim, path.slice("/wasi/".length))) });
}

/** In the page: starts the program and returns its exit status. */
async function run({ args, env }) {
  const { WASI, File, OpenFile, ConsoleStdout } = await import("/wasi/index.js");
  const lines = () => ConsoleStdout.lineBuffered((line) => console.log(line));
  const wasi = new WASI(args, env, [new OpenFile(new File([])), lines(), lines()], { debug: false });
  const module = await WebAssembly.compileStreaming(fetch("/program.wasm"));
  return wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Run as root in containers, where there is no sandbox to be had and little shared memory.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.log(message.text()));
  await page.route(`${origin}/**`, answer);
  await page.goto(`${origin}/`);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  process.exitCode = await page.evaluate(run, { args: ["tests", ...args], env: variables });
} finally {
  await browser.close();
}
