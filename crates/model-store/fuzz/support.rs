//! What the targets share.

use bytes::Bytes;
use domain_types::{FormatCatalogue, QuantFormat, RowRule, TensorSource};
use model_store::{HfFolder, load_tokenizer};
use std::collections::BTreeMap;

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

/// Whether an input is one of about `n`: for what takes a hundred times as long as all else, such as building a tokenizer,
/// whose patterns are compiled. The input itself decides, so that what it finds can be found again.
pub fn one_in(n: u64, bytes: &[u8]) -> bool {
    // FNV-1a (Fowler, Noll, Vo).
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    (hash >> 32).is_multiple_of(n)
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

/// A sound Hugging Face model in memory, one file of which is replaced again and again.
pub struct Model(BTreeMap<String, Bytes>);

impl Model {
    /// The smallest model that has everything.
    pub fn new() -> Self {
        let files: [(&str, &[u8]); 3] = [
            ("config.json", include_bytes!("seeds/model_config/llama.json")),
            ("tokenizer.json", include_bytes!("seeds/tokenizer_json/byte-level.json")),
            ("model.safetensors", include_bytes!("seeds/safetensors/llama.safetensors")),
        ];
        let files = files.map(|(name, bytes)| (name.to_owned(), Bytes::from_static(bytes))).into();
        let model = HfFolder::from_files(&files).expect("it is a model");
        visit(&model);
        use_tokenizer(&model);
        Self(files)
    }

    /// The model without a tokenizer, which costs more than all else.
    pub fn without_tokenizer() -> Self {
        let Self(mut files) = Self::new();
        files.remove("tokenizer.json");
        Self(files)
    }

    /// The model with `bytes` in place of file `name`, where it is accepted, after all of it was read.
    pub fn with(&mut self, name: &str, bytes: &[u8]) -> Option<HfFolder> {
        self.0.insert(name.into(), Bytes::copy_from_slice(bytes));
        let model = HfFolder::from_files(&self.0).ok()?;
        visit(&model);
        Some(model)
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}
