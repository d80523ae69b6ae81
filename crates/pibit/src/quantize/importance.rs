//! Importance of weights from llama.cpp's imatrix files (GGUF).

use crate::context::Context;
use anyhow::{Context as _, Result, bail};
use domain_types::{CodecSet, TensorSource};
use model_store::GgufFile;
use std::collections::BTreeMap;
use std::path::Path;

/// Mean square of each input of each linear layer, by tensor name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Importance {
    by_tensor: BTreeMap<String, Vec<f32>>,
}

impl Importance {
    /// Reads `NAME.in_sum2` and `NAME.counts`: sums of squares and how many tokens they are over.
    pub(crate) fn read(context: &Context, path: &Path) -> Result<Self> {
        let file = GgufFile::open(path, &context.catalogue)?;
        let mut by_tensor = BTreeMap::new();
        for info in file.tensors() {
            let Some(name) = info.name.strip_suffix(".in_sum2") else { continue };
            let sums = floats(context, &file, &info.name)?;
            let counts = floats(context, &file, &format!("{name}.counts"))?;
            // A layer of experts has one row and one count per expert; columns share what the experts saw.
            let total: f32 = counts.iter().sum();
            if total <= 0.0 {
                continue;
            }
            let width = info.shape.row_len();
            let mut mean = vec![0.0; width];
            for row in sums.chunks_exact(width) {
                mean.iter_mut().zip(row).for_each(|(mean, sum)| *mean += sum / total);
            }
            by_tensor.insert(name.to_owned(), mean);
        }
        if by_tensor.is_empty() {
            bail!(
                "{} has no importance; it must be an imatrix in GGUF form (llama-imatrix writes it)",
                path.display()
            );
        }
        Ok(Self { by_tensor })
    }

    /// Names of the tensors that it has.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_tensor.keys().map(String::as_str)
    }

    /// Importance of a tensor's columns.
    pub(crate) fn get(&self, tensor: &str) -> Option<&[f32]> {
        self.by_tensor.get(tensor).map(Vec::as_slice)
    }
}

fn floats(context: &Context, file: &GgufFile, name: &str) -> Result<Vec<f32>> {
    let tensor = file.tensor(name).with_context(|| format!("imatrix entry {name}"))?;
    let mut values = vec![0.0; tensor.shape().elements()];
    context.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
    Ok(values)
}
