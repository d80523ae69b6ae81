/** What a {@link PibitError} says in its `code`. */
export type ErrorCode =
  | 'aborted' | 'badFile' | 'badInput' | 'contextFull' | 'emptyPrompt' | 'failed' | 'freed'
  | 'messageTooLong' | 'network' | 'notFound' | 'overBudget' | 'unsupported' | 'workerLost';

/** What went wrong; `message` is for people and may change, `code` does not. */
export class PibitError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string);
}

/** Two builds: WebAssembly SIMD, and relaxed SIMD besides. */
export type Build = 'simd128' | 'relaxed';

export interface Capabilities {
  simd128: boolean;
  relaxedSimd: boolean;
  /** Threads that could share memory: 1 unless the page is isolated. Models compute on one. */
  threads: number;
  /** Whether fetched files can be kept between visits. */
  storage: boolean;
  /** Memory of the device in bytes, where the browser tells. */
  deviceMemory?: number;
}

/** What this browser can do. */
export function capabilities(): Capabilities;

export interface LoadOptions {
  /** Bytes received so far, and in all where that is known. */
  onProgress?: (progress: { done: number; total?: number }) => void;
  /** The worker was ended by the browser. The next call starts another and loads the file again. */
  onLost?: () => void;
  /** Bytes that file, cache and activations may take together; 1 GiB. Checked before they are allocated. */
  memoryBudget?: number;
  /** Tokens that the model remembers; 2,048 or what it was made for, where that is less. */
  contextLength?: number;
  /** Keep what is fetched in the browser's Cache API; true. */
  store?: boolean;
  build?: Build;
  signal?: AbortSignal;
}

export interface ModelInfo {
  name: string | null;
  architecture: string;
  bytes: number;
  weights: number;
  bitsPerWeight: number;
  contextLength: number;
  layers: number;
  width: number;
  vocabSize: number;
  /** Whether the file carries checksums, all of which are right. A file whose checksums are wrong is not loaded. */
  verified: boolean;
  hasChatTemplate: boolean;
  /** Number of tensors of each format. */
  formats: Record<string, number>;
}

export interface Message {
  role: 'system' | 'user' | 'assistant' | (string & {});
  content: string;
}

export type GenerationEvent =
  | { type: 'progress'; id: number; done: number; total: number }
  | { type: 'token'; id: number; token: number; text: string };

export interface GenerateOptions {
  /** Called for each slice of the prompt that was read, and for each token. */
  onToken?: (event: GenerationEvent) => void;
  /** Aborting it ends the generation early; what there is by then is returned. */
  signal?: AbortSignal;
  /** 0, the default, always takes the likeliest token. */
  temperature?: number;
  seed?: number;
  /** 128 by default. */
  maxTokens?: number;
}

export interface Answer {
  text: string;
  tokens: number[];
  reason: 'endOfText' | 'maxTokens' | 'contextFull' | 'stopped';
  /** From the prompt to the end. */
  seconds: number;
  /** From the prompt to the first token. */
  promptSeconds: number;
  /** Of the tokens after the first. */
  tokensPerSecond: number;
}

export interface Perplexity {
  ppl: number;
  ppl_err: number;
  mean_nll: number;
  tokens: number;
  chunks: number;
}

/** Settings of an adapter that learns in the tab. */
export class QatConfig {
  constructor(settings?: { rank?: number; steps?: number; seed?: number });
  /** Rank of the adapter, from 1 to 64; 4. */
  readonly rank: number;
  /** Steps of gradient descent over the whole text; 16. */
  readonly steps: number;
  readonly seed: number;
  toJson(): string;
  static fromJson(json: string): QatConfig;
}

export interface AdaptProgress {
  step: number;
  steps: number;
  /** Nats per token of the text. */
  loss: number;
}

export interface Adapted {
  /** Tokens of the text that were learnt from. */
  tokens: number;
  steps: number;
  lossBefore: number;
  lossAfter: number;
}

export interface QuantizeProgress {
  done: number;
  total: number;
  tensor: string;
  format: string;
  /** Σe²/Σw² of the tensor; absent where it was copied. */
  relativeError?: number;
}

export interface Histogram {
  tensor: string;
  range: [number, number];
  counts: number[];
  levels: { format: string; values: number[] }[];
}

export interface Memory {
  /** Bytes that the worker's module holds: files, cache, everything. */
  module: number;
  /** Of these, the key–value cache. */
  cache: number;
  /** Bytes of weights that a token reads. */
  weights: number;
  position: number;
  contextLength: number;
}

/** A language model in a worker of its own. */
export class Model {
  private constructor();
  readonly info: ModelInfo;
  /** Loads a GGUF file from an address, a File or Blob, or bytes (which are copied). */
  static load(source: string | URL | Blob | ArrayBuffer | Uint8Array, options?: LoadOptions): Promise<Model>;
  /** Continues a text, or answers a conversation in the model's chat template. */
  generate(prompt: string | Message[], options?: GenerateOptions): Promise<Answer>;
  /** Perplexity of a text, over chunks of at most 512 tokens. */
  perplexity(text: string, options?: { onProgress?: (progress: { chunk: number; chunks: number; ppl: number }) => void }): Promise<Perplexity>;
  /**
   * Lets the model learn from a text: a low-rank adapter on the output head, trained in the tab. It stays until another one
   * is trained, {@link Model.resetAdapter} is called or the model is freed; the file does not change.
   */
  adapt(text: string, config?: QatConfig | ConstructorParameters<typeof QatConfig>[0], options?: { onProgress?: (progress: AdaptProgress) => void; signal?: AbortSignal }): Promise<Adapted>;
  /** Takes the adapter away. */
  resetAdapter(): Promise<void>;
  /** The model in another format (`piq2`, `piq3`, `t2`, …), as the bytes of a GGUF file. */
  quantize(format: string, options?: { onProgress?: (progress: QuantizeProgress) => void; signal?: AbortSignal }): Promise<Uint8Array>;
  /** Distribution of a middle layer's weights, with the levels of π formats. */
  histogram(): Promise<Histogram>;
  memory(): Promise<Memory>;
  /** Ends the worker; its memory goes back to the browser. */
  free(): void;
}

export interface FormatComparison {
  format: string;
  bitsPerWeight: number;
  mse: number;
  cosine: number;
  spectralDistortionDb: number;
  outlierRetention: number;
}

export interface Speed {
  format: string;
  instructions: string;
  /** Gigabytes of F32 per second that decoding writes. */
  dequantizeGbS: number;
  /** Gigabytes of packed weights per second that a product with a vector reads. */
  matvecGbS: number;
  matvecMops: number;
}

/** Compares formats, in a worker. */
export class QuantBench {
  constructor();
  /** Names of the formats that can be made. */
  formats(): Promise<string[]>;
  /** How near each format comes to `weights`, rows of `rowLength`. */
  compareFormats(weights: ArrayLike<number>, rowLength: number, formats: string[]): Promise<FormatComparison[]>;
  /** How fast a format is decoded and multiplied in this tab, for about `seconds` each. */
  runBench(format: string, options?: { seconds?: number; build?: Build }): Promise<Speed>;
  free(): void;
}

/** Fetches the module that {@link PiQuant} is of, the full one. */
export function init(build?: Build): Promise<void>;

/** As in `pibit/quantizer`, with a figure more. Call {@link init} first. */
export class PiQuant {
  constructor(bits: number, k?: number | null);
  readonly bits: number;
  readonly k: number | undefined;
  readonly bitsPerWeight: number;
  readonly levels: Float32Array;
  stepSize(weights: Float32Array): number;
  quantize(weights: Float32Array): Uint8Array;
  dequantize(bytes: Uint8Array): Float32Array;
  computeMse(weights: Float32Array): number;
  /** Mean over frequencies of the error's power over the weights', in dB. */
  spectralDistortion(weights: Float32Array): number;
  toJson(): string;
  static fromJson(json: string): PiQuant;
  free(): void;
}
