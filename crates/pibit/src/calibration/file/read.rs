//! Reading a calibration.

use super::{hessian_name, key, sums_name, triangle, write};
use crate::floats;
use anyhow::{Context as _, Result, bail};
use domain_types::{FormatCatalogue, Hessian, MetaValue, TensorSource, TokenId};
use model_store::{GgufFile, VerifyStatus};
use std::collections::HashMap;
use std::path::Path;

/// A calibration file, mapped: Hessians are read when they are asked for.
#[derive(Debug)]
pub(crate) struct Calibration {
    file: GgufFile,
    /// Under which layer's name the Hessian of a layer's inputs is.
    owners: HashMap<String, String>,
    tokens: u64,
}

impl Calibration {
    /// Opens what `pibit calibrate` wrote, and checks it against its checksums.
    pub(crate) fn open(catalogue: &FormatCatalogue, path: &Path) -> Result<Self> {
        let file = GgufFile::open(path, catalogue)?;
        let shown = path.display();
        let metadata = file.metadata();
        match metadata.u64(key::VERSION) {
            Some(version) if version == u64::from(write::VERSION) => {}
            Some(version) => bail!("{shown} is a calibration of version {version}; a newer pibit reads it"),
            None => bail!("{shown} is no calibration file; `pibit calibrate` makes one"),
        }
        if model_store::verify(&file)?.status != VerifyStatus::Intact {
            bail!("{shown} is damaged: its checksums do not match; calibrate again");
        }
        let names = |key: &str| {
            let names = metadata.get(key).and_then(|value| value.as_strings());
            names.with_context(|| format!("{shown} has no list {key}; calibrate again"))
        };
        let (tensors, owners) = (names(key::TENSORS)?, names(key::HESSIANS)?);
        let tokens = metadata.u64(key::TOKENS).filter(|&tokens| tokens > 0);
        let tokens = tokens.with_context(|| format!("{shown} is over no tokens; calibrate again"))?;
        if tensors.len() != owners.len() {
            bail!("{shown} names {} layers but {} Hessians; calibrate again", tensors.len(), owners.len());
        }
        let owners = tensors.iter().cloned().zip(owners.iter().cloned()).collect();
        Ok(Self { file, owners, tokens })
    }

    /// SHA-256 of the model that it was made from, hexadecimal.
    pub(crate) fn model_sha256(&self) -> Option<&str> {
        self.file.metadata().str("pibit.source.sha256")
    }

    /// SHA-256 of the file's description of itself, hexadecimal: other data, another hash.
    pub(crate) fn config_sha256(&self) -> Option<&str> {
        self.file.metadata().str("pibit.config.sha256")
    }

    /// SHA-256 of the tokens that it was made from, hexadecimal.
    #[cfg(test)]
    pub(crate) fn dataset_sha256(&self) -> Option<&str> {
        self.file.metadata().str(key::DATASET_SHA256)
    }

    /// The chunks of tokens that it was made from.
    pub(crate) fn chunks(&self) -> Result<Vec<Vec<TokenId>>> {
        let metadata = self.file.metadata();
        let tokens = metadata.get(key::DATASET).and_then(MetaValue::as_u64s);
        let tokens = tokens.context("the calibration has no tokens; calibrate again")?;
        let size = metadata.u64(key::CHUNK_SIZE).and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|&size| size > 0 && tokens.len().is_multiple_of(size));
        let size = size.context("the calibration's chunks have no sound size; calibrate again")?;
        let tokens: Vec<TokenId> = tokens.into_iter().map(TokenId::try_from).collect::<Result<_, _>>()?;
        Ok(tokens.chunks(size).map(<[TokenId]>::to_vec).collect())
    }

    /// Tokens seen.
    #[cfg(test)]
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The mean of x·xᵀ over the inputs of a linear layer; `None` where the layer was not seen.
    pub(crate) fn hessian(&self, tensor: &str) -> Result<Option<Hessian>> {
        let Some(owner) = self.owners.get(tensor) else { return Ok(None) };
        let width = self.width(owner)?;
        let entries = self.floats(&hessian_name(owner))?;
        if triangle(width) != Some(entries.len()) {
            bail!("the Hessian of {owner} has {} entries for {width} inputs; calibrate again", entries.len());
        }
        let (mut values, mut rest) = (vec![0.0; width * width], &entries[..]);
        for row in 0..width {
            let (entries, after) = rest.split_at(width - row);
            for (column, &value) in (row..).zip(entries) {
                values[row * width + column] = value;
                values[column * width + row] = value;
            }
            rest = after;
        }
        let hessian = Hessian::new(width, self.tokens, values).with_context(|| format!("tensor {owner}"))?;
        Ok(Some(hessian))
    }

    /// Mean square of each input of a linear layer; `None` where the layer was not seen.
    #[cfg(test)]
    pub(crate) fn importance(&self, tensor: &str) -> Result<Option<Vec<f32>>> {
        if !self.owners.contains_key(tensor) {
            return Ok(None);
        }
        let (mut mean, counts) =
            (self.floats(&sums_name(tensor))?, self.floats(&super::counts_name(tensor))?);
        let [count] = counts[..] else { bail!("{tensor} has {} counts; calibrate again", counts.len()) };
        for sum in &mut mean {
            *sum /= count;
        }
        Ok(Some(mean))
    }

    fn width(&self, tensor: &str) -> Result<usize> {
        let info = self.file.info(&sums_name(tensor));
        Ok(info.with_context(|| format!("calibration of {tensor} is incomplete"))?.shape.elements())
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.file.tensor(name).with_context(|| format!("calibration entry {name}"))?;
        floats::values(&tensor).with_context(|| {
            format!("calibration entry {name} is {}, not f32; calibrate again", tensor.format())
        })
    }
}
