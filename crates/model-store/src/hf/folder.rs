//! A Hugging Face folder as a model source.

use super::config::Config;
use super::convert::Conversion;
use super::family::Family;
use super::files::Files;
use super::rope_factors::rope_factors;
use super::shard::{self, Entry, StoredTensor};
use super::tensor_name::{Fate, fate, position};
use super::{chat, head, special_tokens, vocabulary};
use crate::{StoreError, spec};
use bytes::Bytes;
use domain_types::{
    Metadata, ModelSpec, PortError, QuantFormat, QuantTensor, TensorInfo, TensorSource, scalar,
};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A model in Hugging Face's layout, seen as GGUF: GGUF tensor names, order and metadata, Llama's rotation order,
/// norms in F32. Matrices stay BF16, F16 or F32 and are not copied, except q and k of Llama models.
#[derive(Debug)]
pub struct HfFolder {
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    origins: HashMap<String, (usize, Origin)>,
}

#[derive(Debug)]
enum Origin {
    Stored(StoredTensor, Conversion),
    Made(QuantTensor),
}

impl HfFolder {
    /// Opens a folder with config.json and model.safetensors (or model.safetensors.index.json and the files that it
    /// names). The tokenizer is optional: tokenizer.json, with tokenizer_config.json, generation_config.json and
    /// chat_template.jinja where they are.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::read(Files::Folder(folder.as_ref()))
    }

    /// The same for files that are already in memory, by name.
    pub fn from_files(files: &BTreeMap<String, Bytes>) -> Result<Self, StoreError> {
        Self::read(Files::Memory(files))
    }

    fn read(files: Files<'_>) -> Result<Self, StoreError> {
        let (config, family) = Config::read(files)?;
        let tensors = named(files, family)?;
        let tensors = checked(tensors, &config, family, files.root())?;
        let mut parts = tensors
            .into_iter()
            .map(|(name, stored)| convert(&name, stored, &config, family))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(tensor) = rope_factors(config.rope(), config.head_dim(family))? {
            let info = TensorInfo::new("rope_freqs.weight", *tensor.format(), *tensor.shape())?;
            parts.push((info, Origin::Made(tensor)));
        }
        parts.sort_by_cached_key(|(info, _)| position(&info.name));
        let metadata = describe(files, &config, family, &parts)?;
        Self::assemble(files.root(), metadata, parts)
    }

    fn assemble(
        folder: &Path,
        metadata: Metadata,
        parts: Vec<(TensorInfo, Origin)>,
    ) -> Result<Self, StoreError> {
        let mut infos = Vec::with_capacity(parts.len());
        let mut origins = HashMap::new();
        for (at, (info, origin)) in parts.into_iter().enumerate() {
            if origins.insert(info.name.clone(), (at, origin)).is_some() {
                return Err(StoreError::hugging_face(folder, format!("tensor `{}` occurs twice", info.name)));
            }
            infos.push(info);
        }
        Ok(Self { metadata, infos, origins })
    }
}

/// The tensors of the language model, under GGUF names.
fn named(files: Files<'_>, family: Family) -> Result<Vec<(String, StoredTensor)>, StoreError> {
    let mut named = Vec::new();
    for Entry { name, no_weights, tensor } in shard::read_all(files)? {
        match fate(&name, family) {
            Fate::Named(gguf) => named.push((gguf, tensor?)),
            Fate::Packed => {
                return Err(StoreError::hugging_face(
                    files.root(),
                    format!("tensor `{name}` is of a model that is already quantized; use the original"),
                ));
            }
            Fate::Dropped => {}
            Fate::Unknown if no_weights => {}
            Fate::Unknown => return Err(unknown(files.root(), &name)),
        }
    }
    Ok(named)
}

/// The tensors that count, where they are those that config.json describes.
fn checked(
    mut tensors: Vec<(String, StoredTensor)>,
    config: &Config,
    family: Family,
    folder: &Path,
) -> Result<Vec<(String, StoredTensor)>, StoreError> {
    head::settle(&mut tensors, config.tied(family), folder)?;
    let biases =
        tensors.iter().any(|(name, _)| name.rsplit_once('.').is_some_and(|(_, kind)| kind == "bias"));
    let expected = config.qkv_bias(family);
    if biases != expected {
        let (has, says) = if biases { ("has", "none") } else { ("has no", "some") };
        let reason =
            format!("{has} biases of q, k and v where config.json means {says}; fetch the original files");
        return Err(StoreError::hugging_face(folder, reason));
    }
    let embedding = tensors.iter().find(|(name, _)| name == "token_embd.weight");
    if let (Some(vocab), Some((_, stored))) = (config.vocab_size, embedding)
        && stored.shape.rows() != vocab as usize
    {
        let rows = stored.shape.rows();
        let reason = format!("has {rows} rows of the embedding where config.json says vocab_size = {vocab}");
        return Err(StoreError::hugging_face(folder, reason));
    }
    Ok(tensors)
}

fn unknown(folder: &Path, name: &str) -> StoreError {
    StoreError::hugging_face(
        folder,
        format!("tensor `{name}` has no place in a dense decoder; use another model"),
    )
}

fn convert(
    name: &str,
    stored: StoredTensor,
    config: &Config,
    family: Family,
) -> Result<(TensorInfo, Origin), StoreError> {
    let vector = stored.shape.dims().len() == 1;
    let heads = match name.rsplit('.').nth(1) {
        Some("attn_q") => Some(config.heads(family)),
        Some("attn_k") => Some(config.kv_heads(family)),
        _ => None,
    };
    let conversion = Conversion {
        interleave_heads: heads.filter(|_| family.interleaved).map(|n| n as usize),
        to_f32: vector,
        add: if family.gemma && name.ends_with("norm.weight") { 1.0 } else { 0.0 },
    };
    let info = conversion.describe(name, &stored)?;
    Ok((info, Origin::Stored(stored, conversion)))
}

fn describe(
    files: Files<'_>,
    config: &Config,
    family: Family,
    parts: &[(TensorInfo, Origin)],
) -> Result<Metadata, StoreError> {
    let mut metadata = Metadata::new();
    config.describe(family, &mut metadata);
    metadata.set("general.name", files.model_name().unwrap_or_else(|| "model".into()));
    let find = |name: &str| parts.iter().map(|(info, _)| info).find(|info| info.name == name);
    let embedding = find("token_embd.weight").ok_or_else(|| unknown_without_embedding(files.root()))?;
    metadata.set("general.file_type", file_type(embedding.format));
    let rows = embedding.shape.rows();
    metadata.set(format!("{}.vocab_size", family.architecture), rows as u32);
    if let Some(vocabulary) = vocabulary::describe(files, rows, &mut metadata)? {
        special_tokens::describe(files, config, &vocabulary, &mut metadata)?;
    }
    chat::describe(files, &mut metadata)?;
    Ok(metadata)
}

fn unknown_without_embedding(folder: &Path) -> StoreError {
    StoreError::hugging_face(folder, "has no tensor model.embed_tokens.weight; is the model complete?")
}

/// llama.cpp's number for a file that is mostly of this type.
fn file_type(format: QuantFormat) -> u32 {
    match format {
        f if f == scalar::F32 => 0,
        f if f == scalar::F16 => 1,
        _ => 32, // mostly BF16
    }
}

impl TensorSource for HfFolder {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        match self.origins.get(name) {
            Some((_, Origin::Stored(stored, conversion))) => Ok(conversion.apply(stored)?),
            Some((_, Origin::Made(tensor))) => Ok(tensor.clone()),
            None => Err(StoreError::NoSuchTensor(name.into()).into()),
        }
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(spec::model_spec(self)?)
    }

    fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.origins.get(name).map(|(at, _)| &self.infos[*at])
    }
}
