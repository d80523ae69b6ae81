//! The spans of every command: each stage's name and fields in one place, from which the documentation is checked.

use tracing::Span;

/// A stage that can appear in a trace.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StageInfo {
    /// The span's name.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
    /// What happens in it.
    pub description: &'static str,
}

macro_rules! stages {
    ($($name:ident($($field:ident: $kind:ty),*) $description:literal;)+) => {
        $(
            #[doc = $description]
            pub(crate) fn $name($($field: $kind),*) -> Span {
                tracing::info_span!(stringify!($name), $($field),*)
            }
        )+

        /// Every stage.
        pub const STAGES: &[StageInfo] = &[$(StageInfo {
            name: stringify!($name),
            fields: &[$(stringify!($field)),*],
            description: $description,
        }),+];
    };
}

stages! {
    command(name: &str) "A whole run of `pibit`; everything else is inside it";
    open(model: &str) "A model's file is mapped and its header read";
    hash(model: &str) "A model's bytes are hashed";
    load(model: &str) "A model is made ready to run: file, tokenizer, layers";
    plan(tensors: usize) "The format of each tensor is decided";
    search(budget: u64) "Rotation and formats are chosen for a budget";
    measure(layers: usize) "What each tensor's format costs is measured";
    rotate(tensors: usize) "Weights get ready to be rotated when they are read";
    round(layers: usize) "Matrices are rounded with a calibration";
    block(layer: usize) "A block is rounded, and its inputs observed";
    write(path: &str, tensors: usize) "A file is written, tensor by tensor";
    tensor(name: &str, format: &str) "A tensor is rounded, or copied";
    finish(path: &str) "A file is hashed, synced and gets its name";
    dataset(ctx: usize) "Texts are tokenized and cut into chunks";
    calibrate(chunks: usize) "Chunks stream through a model, stage by stage";
    observe(layer: usize, inputs: usize) "The second moments of a stage's inputs are taken";
    pass(layer: usize) "The residual streams pass a stage";
    evaluate(ctx: usize, chunks: usize) "Perplexity and divergence on a text";
    task(domain: &str, problems: usize) "Problems of a domain are answered";
    generate(prompt_tokens: usize) "A text is continued";
    prefill() "The prompt is read, up to the first text";
    decode() "Tokens after the first text";
    verify(path: &str) "A file is checked";
    gate(name: &str) "An acceptance gate is measured";
}
