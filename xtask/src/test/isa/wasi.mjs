// Runs a WASI program with our arguments and environment; its exit status is ours.

import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { WASI } from "node:wasi";

// Relaxed SIMD is part of WebAssembly 3.0; Node.js before 21 has it behind a flag that later ones do not know.
if (Number.parseInt(process.versions.node) < 21) {
  setFlagsFromString("--experimental-wasm-relaxed-simd");
}

const [program, ...args] = process.argv.slice(2);
// A panic ends the program before libtest shows what it captured.
const env = { ...process.env, RUST_TEST_NOCAPTURE: "1" };
const wasi = new WASI({ version: "preview1", args: [program, ...args], env });
const module = await WebAssembly.compile(await readFile(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
