//! Reading an adapter.

use super::key;
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::rotate::Rotations;
use anyhow::{Context as _, Result, bail};
use domain_types::{CodecSet, FormatCatalogue, TensorSource};
use inference::{Adapter, LowRank};
use model_store::{GgufFile, VerifyStatus};
use quant_core::Codecs;
use std::path::Path;

/// An adapter at rest, in the basis of the network as it was before any rotation.
pub(crate) struct AdapterFile {
    file: GgufFile,
    codecs: Codecs,
    alpha: f32,
    shown: String,
}

/// The factors of an addition B·A to a matrix.
pub(super) struct Factors {
    /// `[rank, in]`.
    pub(super) a: Vec<f32>,
    /// `[out, rank]`, multiplied by α/rank.
    pub(super) b: Vec<f32>,
    pub(super) rank: usize,
}

impl AdapterFile {
    /// Opens an adapter, and checks it against its checksums where it has any.
    pub(crate) fn open(catalogue: &FormatCatalogue, path: &Path) -> Result<Self> {
        let file = GgufFile::open(path, catalogue)?;
        let (shown, metadata) = (path.display().to_string(), file.metadata());
        if metadata.str(key::TYPE) != Some(key::ADAPTER) || metadata.str(key::KIND) != Some(key::LORA) {
            bail!("{shown} is no LoRA adapter; `pibit qat --lora` makes one");
        }
        if model_store::verify(&file)?.status == VerifyStatus::Damaged {
            bail!("{shown} is damaged: its checksums do not match; train the adapter again");
        }
        let alpha = metadata.f32(key::ALPHA).filter(|alpha| alpha.is_finite());
        let alpha = alpha.with_context(|| format!("{shown} does not say its α ({})", key::ALPHA))?;
        Ok(Self { file, codecs: Codecs::default(), alpha, shown })
    }

    /// Opens the adapter of a model. Refused where it was trained over another file.
    pub(crate) fn of_model(context: &Context, path: &Path, model: &ModelRef) -> Result<Self> {
        let adapter = Self::open(&context.catalogue, path)?;
        let Some(base) = adapter.file.metadata().str(key::BASE_SHA256) else { return Ok(adapter) };
        let found = model.sha256()?;
        if base != found {
            bail!(
                "{} was trained over another file than {model}: its base has SHA-256 {base}, {model} has {found}",
                adapter.shown
            );
        }
        Ok(adapter)
    }

    /// The settings that an adapter like this is trained with.
    #[cfg(feature = "train")]
    pub(crate) fn config(&self) -> Result<qat_training::LoraConfig> {
        let mut config = qat_training::LoraConfig { alpha: self.alpha, ..Default::default() };
        let mut targets = std::collections::BTreeSet::new();
        for matrix in self.matrices()? {
            let part = matrix.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
            let part = part.and_then(|(_, part)| part.strip_suffix(".weight"));
            targets.insert(part.with_context(|| format!("{} adds to {matrix}", self.shown))?.to_owned());
            config.rank = self.factors(matrix)?.rank;
        }
        config.targets = targets.into_iter().collect();
        Ok(config)
    }

    /// The additions in the basis of a model's packed weights.
    pub(crate) fn for_weights_of(&self, source: &dyn TensorSource) -> Result<Adapter> {
        let spec = source.spec()?;
        let rotations = spec.rotation.map(|rotation| Rotations::new(&spec, rotation)).transpose()?;
        let mut adapter = Adapter::default();
        for matrix in self.matrices()? {
            let shape = source.info(matrix).map(|info| info.shape);
            let shape =
                shape.with_context(|| format!("{} adds to {matrix}, which the model has not", self.shown))?;
            let Factors { mut a, mut b, rank } = self.factors(matrix)?;
            if [a.len(), b.len()] != [rank * shape.row_len(), shape.rows() * rank] {
                bail!("what {} adds to {matrix} has another shape than the matrix, {shape}", self.shown);
            }
            if let Some(rotations) = &rotations {
                rotations.rotate_factors(matrix, [&mut a, &mut b], rank);
            }
            adapter.insert(
                matrix,
                LowRank::new(a, &b, rank).with_context(|| format!("{}: {matrix}", self.shown))?,
            );
        }
        Ok(adapter)
    }

    /// Names of the matrices that it adds to. Every tensor must be a factor of one.
    pub(super) fn matrices(&self) -> Result<Vec<&str>> {
        let names: Vec<&str> = self.file.tensors().iter().map(|info| info.name.as_str()).collect();
        let matrices: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".lora_a")).collect();
        let is_factor = |name: &str| {
            let matrix = name.strip_suffix(".lora_a").or_else(|| name.strip_suffix(".lora_b"));
            matrix.is_some_and(|matrix| matrices.contains(&matrix))
        };
        if let Some(odd) = names.iter().find(|name| !is_factor(name)) {
            bail!("{}: tensor {odd} is no factor of an addition to a matrix", self.shown);
        }
        if matrices.is_empty() {
            bail!("{} adds to no matrix", self.shown);
        }
        Ok(matrices)
    }

    /// The factors of the addition to a matrix.
    pub(super) fn factors(&self, matrix: &str) -> Result<Factors> {
        let decode = |factor: &str| -> Result<_> {
            let tensor =
                self.file.tensor(&format!("{matrix}.{factor}")).with_context(|| self.shown.clone())?;
            let mut values = vec![0.0; tensor.shape().elements()];
            self.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
            Ok((*tensor.shape(), values))
        };
        let ((of_a, a), (of_b, mut b)) = (decode("lora_a")?, decode("lora_b")?);
        let rank = of_a.rows();
        if of_b.row_len() != rank {
            bail!("{}: the factors of {matrix} have the ranks {rank} and {}", self.shown, of_b.row_len());
        }
        let scale = self.alpha / rank as f32;
        for x in &mut b {
            *x *= scale;
        }
        Ok(Factors { a, b, rank })
    }
}
