// The smallest modules that use one instruction of each proposal: a browser that validates them has it.
const SIMD128 = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

const validates = (bytes) => WebAssembly.validate(new Uint8Array(bytes));

/** What this browser can do. */
export function capabilities() {
  const isolated = globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function';
  return {
    simd128: validates(SIMD128),
    relaxedSimd: validates(RELAXED),
    threads: isolated ? (navigator.hardwareConcurrency ?? 1) : 1,
    storage: typeof caches === 'object',
    deviceMemory: navigator.deviceMemory ? navigator.deviceMemory * 2 ** 30 : undefined,
  };
}
