//! The models of `golden.json`: weights by the tensors' names, logits from transformers.

use domain_types::testing::{DenseCodecs, gaussian_like};
use domain_types::{Bytes, FormatCatalogue, LogitRows, Metadata, TensorSource, TokenId, TokenModel};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};
use model_store::{GgufFile, GgufWriter, HfFolder};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Between F32 here and F64 there; frequencies are F32 there as well. Logits go up to about 10.
pub(crate) const TOLERANCE: f32 = 2e-3;

#[derive(Deserialize)]
pub(crate) struct Golden<C = Case> {
    tokens: Vec<TokenId>,
    rows: Vec<usize>,
    pub(crate) cases: BTreeMap<String, C>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) config: Map<String, Value>,
    /// Shapes by name.
    pub(crate) tensors: BTreeMap<String, Vec<usize>>,
    pub(crate) logits: Vec<Vec<f32>>,
}

/// What is checked; an error is a refusal.
pub(crate) type Logits = Result<Vec<Vec<f32>>, String>;

pub(crate) fn golden() -> Golden {
    serde_json::from_str(include_str!("golden.json")).expect("valid JSON")
}

/// Largest difference of two sets of rows.
pub(crate) fn difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

impl<C> Golden<C> {
    pub(crate) fn logits(&self, source: &dyn TensorSource) -> Logits {
        let options = LoadOptions::default().with_kv(KvOptions::new(KvFormat::F32));
        let text = |e: inference::InferenceError| e.to_string();
        let mut model = Transformer::load(source, &DenseCodecs, options).map_err(text)?;
        let (vocab, mut logits) = (model.vocab_size(), Vec::new());
        model.forward(&self.tokens, LogitRows::From(0), &mut logits).map_err(|e| e.to_string())?;
        Ok(self.rows.iter().map(|&row| logits[row * vocab..(row + 1) * vocab].to_vec()).collect())
    }
}

impl Case {
    /// The case as a Hugging Face folder in memory.
    pub(crate) fn folder(&self) -> Result<HfFolder, String> {
        self.folder_with(&self.config)
    }

    /// The case's weights under another config.json.
    pub(crate) fn folder_with(&self, config: &Map<String, Value>) -> Result<HfFolder, String> {
        self.folder_stored(config, str::to_owned)
    }

    /// The same with tensors under other names.
    pub(crate) fn folder_stored(
        &self,
        config: &Map<String, Value>,
        stored: impl Fn(&str) -> String,
    ) -> Result<HfFolder, String> {
        let config = serde_json::to_vec(config).expect("it was JSON");
        let files = BTreeMap::from([
            ("config.json".to_owned(), Bytes::from(config)),
            ("model.safetensors".to_owned(), self.safetensors(stored).into()),
        ]);
        HfFolder::from_files(&files).map_err(|e| e.to_string())
    }

    fn safetensors(&self, stored: impl Fn(&str) -> String) -> Vec<u8> {
        let gemma = self.config["model_type"] == "gemma3_text";
        let (mut header, mut data) = (Map::new(), Vec::new());
        for (name, shape) in &self.tensors {
            let start = data.len();
            data.extend(weights(name, shape, gemma).into_iter().flat_map(f32::to_le_bytes));
            header.insert(
                stored(name),
                json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] }),
            );
        }
        let header = serde_json::to_vec(&header).expect("it is JSON");
        [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
    }
}

/// The same tensors in a GGUF file with this metadata.
pub(crate) fn as_gguf(source: &dyn TensorSource, metadata: Metadata) -> Result<GgufFile, String> {
    let mut writer =
        GgufWriter::in_memory(metadata, source.tensors().to_vec(), None).map_err(|e| e.to_string())?;
    for info in source.tensors() {
        let tensor = source.tensor(&info.name).map_err(|e| e.to_string())?;
        writer.push(&info.name, &tensor).map_err(|e| e.to_string())?;
    }
    let bytes = writer.finish().map_err(|e| e.to_string())?;
    GgufFile::from_bytes(bytes, &FormatCatalogue::scalars()).map_err(|e| e.to_string())
}

pub(crate) fn weights(name: &str, shape: &[usize], gemma: bool) -> Vec<f32> {
    let (offset, scale) = if name.ends_with("norm.weight") {
        (if gemma { 0.0 } else { 1.0 }, 0.2)
    } else if name.contains(".bias") {
        (0.0, 0.3)
    } else if ["model.embed_tokens.weight", "token_embd.weight"].contains(&name) {
        (0.0, 0.5)
    } else {
        let looks = [".q_proj.", ".k_proj.", ".attn_q.", ".attn_k."].iter().any(|part| name.contains(part));
        let gain = if looks { 2.0 } else { 1.0 };
        (0.0, (gain / (shape[shape.len() - 1] as f64).sqrt()) as f32)
    };
    let values = gaussian_like(fnv1a(name), shape.iter().product());
    values.into_iter().map(|x| offset + scale * x).collect()
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}
