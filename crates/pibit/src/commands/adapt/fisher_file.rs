//! Fisher information in files: GGUF that `pibit quantize --imatrix` and llama.cpp read as an importance matrix, because
//! `NAME.in_sum2` and `NAME.counts` hold what channels are worth; `NAME.scale_fisher` what scales are worth.

use crate::context::Context;
use crate::floats;
use crate::rewrite::{self, Rewritten, Written};
use anyhow::{Context as _, Result, bail};
use domain_types::{FormatCatalogue, Metadata, QuantTensor, Shape, TensorInfo, TensorSource, scalar};
use model_store::GgufFile;
use qat_training::{Fisher, MatrixFisher};
use std::collections::BTreeMap;
use std::path::Path;

const VERSION_KEY: &str = "pibit.fisher.version";
const VERSION: u32 = 1;
const ROWS: &str = "imatrix.chunk_count";
const ROW_LENGTH: &str = "imatrix.chunk_size";
const MODEL: &str = "pibit.fisher.model.sha256";

/// Where it comes from.
pub(super) struct Provenance<'a> {
    pub(super) model_sha256: &'a str,
    pub(super) data: &'a str,
    pub(super) seed: u64,
}

pub(super) fn write(
    context: &Context,
    path: &Path,
    fisher: &Fisher,
    provenance: &Provenance<'_>,
) -> Result<Written> {
    let tensors = tensors(fisher)?;
    let infos = tensors.iter().map(|(name, t)| TensorInfo::new(name, *t.format(), *t.shape()));
    let mut metadata = Metadata::new();
    metadata.set("general.type", "imatrix");
    metadata.set("imatrix.datasets", vec![provenance.data.to_owned()]);
    metadata.set(ROWS, u32::try_from(fisher.rows)?);
    metadata.set(ROW_LENGTH, u32::try_from(fisher.row_length)?);
    metadata.set(VERSION_KEY, VERSION);
    metadata.set(MODEL, provenance.model_sha256);
    metadata.set("pibit.fisher.seed", provenance.seed);
    let target = Rewritten {
        infos: infos.collect::<Result<_, _>>()?,
        metadata,
        source_sha256: Some(provenance.model_sha256),
        output: path,
    };
    rewrite::write(context, "write", target, |i| Ok(tensors[i].1.clone()))
}

fn tensors(fisher: &Fisher) -> Result<Vec<(String, QuantTensor)>> {
    let rows = fisher.rows as f32;
    let vector = |values: &[f32]| anyhow::Ok(floats::tensor(Shape::vector(values.len())?, values)?);
    let mut tensors = Vec::new();
    for (name, matrix) in &fisher.matrices {
        let sums: Vec<f32> = matrix.channels.iter().map(|f| f * rows).collect();
        tensors.push((format!("{name}.in_sum2"), vector(&sums)?));
        tensors.push((format!("{name}.counts"), vector(&[rows])?));
        if !matrix.scales.is_empty() {
            tensors.push((format!("{name}.scale_fisher"), vector(&matrix.scales)?));
        }
    }
    Ok(tensors)
}

/// Reads a file, and of which model it is.
pub(super) fn read(catalogue: &FormatCatalogue, path: &Path) -> Result<(Fisher, String)> {
    let file = GgufFile::open(path, catalogue)?;
    let shown = path.display();
    let metadata = file.metadata();
    if metadata.u64(VERSION_KEY) != Some(u64::from(VERSION)) {
        bail!("{shown} is no Fisher information of this version; make it with `pibit adapt fisher`");
    }
    let number = |key| metadata.u64(key).with_context(|| format!("{shown}: {key} is missing"));
    let model = metadata.str(MODEL).with_context(|| format!("{shown}: {MODEL} is missing"))?.to_owned();
    let (rows, row_length) = (number(ROWS)? as usize, number(ROW_LENGTH)? as usize);
    let values = |name: &str| {
        let tensor = file.tensor(name)?;
        let values =
            floats::values(&tensor).filter(|values| values.iter().all(|x| x.is_finite() && *x >= 0.0));
        values.with_context(|| format!("{shown}: {name} must be {} and not negative", scalar::F32.id()))
    };
    let mut matrices = BTreeMap::new();
    for info in file.tensors() {
        let Some(name) = info.name.strip_suffix(".in_sum2") else { continue };
        let channels = values(&info.name)?.iter().map(|sum| sum / rows.max(1) as f32).collect();
        let scales = format!("{name}.scale_fisher");
        let scales = if file.info(&scales).is_some() { values(&scales)? } else { Vec::new() };
        matrices.insert(name.to_owned(), MatrixFisher { channels, scales });
    }
    Ok((Fisher { matrices, rows, row_length }, model))
}
