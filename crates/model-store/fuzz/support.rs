//! What the targets share.

use domain_types::{FormatCatalogue, QuantFormat, RowRule, TensorSource};
use model_store::{HfFolder, load_tokenizer};
use std::path::Path;
use tempfile::TempDir;

/// Some formats, as a runtime would accept them.
pub fn catalogue() -> FormatCatalogue {
    let q4_1 = QuantFormat::new("q4_1", 32, 20, RowRule::WholeBlocks).with_ggml_type(3);
    let q8_0 = QuantFormat::new("q8_0", 32, 34, RowRule::WholeBlocks).with_ggml_type(8);
    FormatCatalogue::scalars().with([q4_1, q8_0]).expect("names are unique")
}

/// Reads every part of a model that was accepted.
pub fn visit(source: &dyn TensorSource) {
    for info in source.tensors() {
        let tensor = source.tensor(&info.name).expect("an accepted tensor can be read");
        assert_eq!((tensor.format(), tensor.shape()), (&info.format, &info.shape));
        std::hint::black_box(tensor.bytes().iter().map(|&b| u64::from(b)).sum::<u64>());
    }
    if let Ok(spec) = source.spec() {
        spec.validate().expect("a specification that is given is consistent");
    }
}

/// Writes a text's tokens back.
pub fn use_tokenizer(source: &dyn TensorSource) {
    use domain_types::Tokenizer;
    let Ok(tokenizer) = load_tokenizer(source) else { return };
    if let Ok(tokens) = tokenizer.encode("Hello, wörld! 12+7=19\n\t\u{0}", true) {
        let _ = tokenizer.decode(&tokens);
    }
    let _ = tokenizer.decode(&[0, 1, u32::MAX]);
}

/// A sound Hugging Face model, one file of which is replaced again and again.
pub struct Folder(TempDir);

impl Folder {
    /// A copy of the golden model with its weights in one file.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/llama");
        for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            std::fs::copy(golden.join(name), folder.path().join(name)).expect("a copy");
        }
        let weights = golden.join("model-00002-of-00002.safetensors");
        std::fs::copy(weights, folder.path().join("model.safetensors")).expect("a copy");
        visit(&HfFolder::open(folder.path()).expect("it is a model"));
        Self(folder)
    }

    /// Opens the model with `bytes` in place of file `name`, and reads all that is accepted.
    pub fn open_with(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).expect("room for a small file");
        let Ok(model) = HfFolder::open(self.0.path()) else { return };
        visit(&model);
        if name == "tokenizer.json" {
            use_tokenizer(&model);
        }
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}
