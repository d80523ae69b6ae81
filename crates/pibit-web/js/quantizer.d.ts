/** Fetches the module: from beside the package, or `source`. Once is enough. */
export function init(source?: RequestInfo | URL | BufferSource | WebAssembly.Module): Promise<void>;

/** PiQ2 or PiQ3 on rows of weights, a multiple of 32 long. Errors carry a `code`. Call {@link init} first. */
export class PiQuant {
  /** `bits` is 2 or 3; `k` is 2, 3, 4 or 5, and the format's own where it is left out. */
  constructor(bits: number, k?: number | null);
  readonly bits: number;
  readonly k: number | undefined;
  /** Bits per weight, scales included. */
  readonly bitsPerWeight: number;
  /** The levels, in steps. */
  readonly levels: Float32Array;
  /** The step of the first block of 256; negative where the block is mirrored. */
  stepSize(weights: Float32Array): number;
  quantize(weights: Float32Array): Uint8Array;
  dequantize(bytes: Uint8Array): Float32Array;
  /** Mean squared error of the weights after quantization. */
  computeMse(weights: Float32Array): number;
  toJson(): string;
  /** Of the settings that `toJson` gave; at most 4,096 bytes are read. */
  static fromJson(json: string): PiQuant;
  /** Gives its memory back. */
  free(): void;
}
