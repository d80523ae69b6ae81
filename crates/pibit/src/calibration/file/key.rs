//! Metadata keys of calibration files.

/// llama.cpp's: what kind of GGUF file this is.
pub(super) const TYPE: &str = "general.type";
/// The type of an importance matrix.
pub(super) const IMATRIX: &str = "imatrix";
/// llama.cpp's: names of the data.
pub(super) const DATASETS: &str = "imatrix.datasets";
/// llama.cpp's: number of chunks.
pub(super) const CHUNK_COUNT: &str = "imatrix.chunk_count";
/// llama.cpp's: tokens per chunk.
pub(super) const CHUNK_SIZE: &str = "imatrix.chunk_size";
/// Version of what follows.
pub(super) const VERSION: &str = "pibit.calibration.version";
/// SHA-256 of all tokens.
pub(super) const DATASET_SHA256: &str = "pibit.calibration.dataset.sha256";
/// SHA-256 of each source's text.
pub(super) const SOURCES_SHA256: &str = "pibit.calibration.sources.sha256";
/// Chunks of each source.
pub(super) const SOURCES_CHUNKS: &str = "pibit.calibration.sources.chunks";
/// The tokens of all chunks, one after the other.
pub(super) const DATASET: &str = "pibit.calibration.dataset";
/// Number of tokens.
pub(super) const TOKENS: &str = "pibit.calibration.tokens";
/// Seed that chose the chunks.
pub(super) const SEED: &str = "pibit.calibration.seed";
/// When it was made, in seconds since 1970, where the user wants that in the file.
pub(super) const TIME: &str = "pibit.calibration.time";
/// Names of all linear layers.
pub(super) const TENSORS: &str = "pibit.calibration.tensors";
/// For each of them, the layer under whose name the Hessian of its inputs is.
pub(super) const HESSIANS: &str = "pibit.calibration.hessians";
