//! Choosing rotation and formats.

use super::super::calibrated::Prefix;
use super::super::carried::Carried;
use super::super::checkpoint::Checkpoint;
use super::super::convert::metadata_of;
use super::super::plan::{Plan, PlannedTensor, fallback};
use super::super::role::TensorRole;
use super::super::round::Rounding;
use super::Budget;
use super::sensitivity::{Probe, Sensitivity};
use crate::calibration::Calibration;
use crate::context::Context;
use crate::output;
use crate::rotate::{Basis, RotatedSource};
use anyhow::{Context as _, Result, bail};
use domain_types::{FormatCatalogue, QuantFormat, RotationSpec, TensorInfo, TensorSource};
use quant_core::{Allocation, Choice, QuantError, allocate, pareto_front};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What tensors may become, from coarse to fine: trellis codes of the quality tier, then what needs no feedback. The
/// first that fits a tensor is what its sensitivity is measured with.
const FORMATS: [&str; 5] = ["t2_l12", "t3_l12", "t4_l12", "q5_0", "q8_0"];

/// What is left of the losses of layers where each is rounded for what those before it give: on SmolLM2, files of 46
/// and 60 MB had 0.5 and 0.57 of the sum.
const LEFT: f64 = 0.55;

/// Rounds of shrinking the budget for weights until header and padding fit, too.
const ROUNDS: usize = 8;

/// A search for the best file.
pub(crate) struct Search<'a, 'n> {
    pub(crate) context: &'a Context,
    /// Opens the model.
    pub(crate) open: &'n dyn Fn() -> Result<Box<dyn TensorSource + 'a>>,
    pub(crate) needs: Needs<'n>,
    pub(crate) seed: u64,
    pub(crate) budget: Budget,
    pub(crate) prefix: Prefix,
}

/// What a search borrows while it measures.
#[derive(Clone, Copy)]
pub(crate) struct Needs<'n> {
    pub(crate) calibration: &'n Calibration,
    pub(crate) rounding: &'n Rounding,
    pub(crate) source_sha256: &'n str,
    /// Keeps what is measured: depends on model, calibration, rounding and seed.
    pub(crate) checkpoint: &'n Checkpoint<'n>,
}

/// In which basis, and to which formats, a model is quantized.
pub(crate) struct Chosen<'a> {
    pub(crate) basis: Basis<'a>,
    pub(crate) plan: Plan,
    /// `None` where nothing was searched.
    pub(crate) report: Option<AllocationReport>,
}

/// How a budget was spent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AllocationReport {
    /// The most bytes that the file may have.
    pub(crate) budget: u64,
    /// Sum of the divergences that each tensor's format costs alone, in nats per token; of layers, what rounding on the
    /// rounded prefix leaves of it.
    pub(crate) predicted_kld: f64,
    /// Whether layers are rotated, or copied and only embedding and head rotated where that is possible.
    pub(crate) layers: Layers,
    /// Tensors of each format.
    pub(crate) formats: BTreeMap<&'static str, usize>,
    /// Least predicted divergence for growing files.
    pub(crate) pareto: Vec<ParetoPoint>,
}

/// What becomes of the matrices of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layers {
    /// Rotated and rounded.
    Rotated,
    /// Rounded as they are, because no rotation fits the model.
    Unrotated,
    /// Copied.
    Copied,
}

/// A file that no smaller one beats.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ParetoPoint {
    pub(crate) bytes: u64,
    pub(crate) predicted_kld: f64,
}

/// Formats for every tensor, chosen from what each costs.
struct Candidate<'a> {
    basis: Basis<'a>,
    layers: Layers,
    /// For each tensor of the source the formats it may get, with what they cost.
    choices: Vec<Vec<(QuantFormat, Choice)>>,
}

impl<'a> Search<'a, '_> {
    /// Measures sensitivities and spends the budget. Fails where no file is so small.
    pub(crate) fn run(&self) -> Result<Chosen<'a>> {
        let formats: Vec<_> =
            FORMATS.iter().filter_map(|id| self.context.catalogue.by_id(id)).copied().collect();
        let rounded = self.basis(RotationSpec::full(self.seed))?;
        let layers = match &rounded {
            Basis::Rotated(_) => Layers::Rotated,
            Basis::Original(_) => Layers::Unrotated,
        };
        let carried = Carried { calibration: self.needs.calibration, basis: &rounded };
        let (context, rounding, formats, checkpoint) =
            (self.context, self.needs.rounding, &formats, self.needs.checkpoint);
        let mut measured = Probe { context, carried, rounding, formats, checkpoint }.measure()?;
        if self.prefix == Prefix::Quantized {
            let blocks = measured.iter_mut().filter(|row| row.tensor.starts_with("blk."));
            blocks.flat_map(|row| &mut row.losses).for_each(|(_, loss)| *loss *= LEFT);
        }
        let by_name: HashMap<_, _> = measured.iter().map(|s| (s.tensor.as_str(), s)).collect();
        let copied = self.basis(RotationSpec::ends(self.seed))?;
        let candidates = [
            Candidate::new(&context.catalogue, rounded, layers, &by_name)?,
            Candidate::new(&context.catalogue, copied, Layers::Copied, &by_name)?,
        ];
        let smallest = candidates.iter().map(|c| self.smallest(c)).collect::<Result<Vec<_>>>()?;
        let mut found = Vec::new();
        for candidate in candidates {
            if let Some(allocation) = self.allocate(&candidate)? {
                found.push((candidate, allocation));
            }
        }
        let best = found.into_iter().min_by(|a, b| a.1.loss.total_cmp(&b.1.loss));
        let Some((candidate, allocation)) = best else {
            bail!(
                "no file of {} is possible: the smallest has {}",
                output::bytes(self.budget.0),
                output::bytes(smallest.into_iter().min().unwrap_or_default())
            );
        };
        Ok(self.chosen(candidate, &allocation))
    }

    /// The model rotated, or as it is where there is no rotation of its widths.
    fn basis(&self, rotation: RotationSpec) -> Result<Basis<'a>> {
        let (codecs, sink) = (&self.context.codecs, &*self.context.sink);
        match RotatedSource::new((self.open)()?, rotation, codecs, sink) {
            Ok(rotated) => Ok(Basis::Rotated(Box::new(rotated))),
            Err(error) if no_rotation_fits(&error) => {
                self.context.progress.note(&format!("not rotated: {error:#}"));
                Ok(Basis::Original((self.open)()?))
            }
            Err(error) => Err(error),
        }
    }

    /// Bytes of the smallest file.
    fn smallest(&self, candidate: &Candidate<'_>) -> Result<u64> {
        let least = |choices: &Vec<(QuantFormat, Choice)>| {
            (0..choices.len()).min_by_key(|&at| choices[at].1.bytes).unwrap_or_default()
        };
        self.file_bytes(candidate, &candidate.choices.iter().map(least).collect::<Vec<_>>())
    }

    /// The best choices of a file within the budget, header and padding included.
    fn allocate(&self, candidate: &Candidate<'_>) -> Result<Option<Allocation>> {
        let items = candidate.items();
        let mut room = self.budget.0;
        for _ in 0..ROUNDS {
            let Some(allocation) = allocate(&items, room) else { return Ok(None) };
            let excess = self.file_bytes(candidate, &allocation.chosen)?.saturating_sub(self.budget.0);
            if excess == 0 {
                return Ok(Some(allocation));
            }
            room = allocation.bytes.min(room).saturating_sub(excess);
        }
        bail!("no allocation came to rest below {}", output::bytes(self.budget.0))
    }

    fn file_bytes(&self, candidate: &Candidate<'_>, chosen: &[usize]) -> Result<u64> {
        let source = candidate.basis.source();
        let infos = candidate.infos(chosen);
        Ok(model_store::planned_bytes(metadata_of(source), infos, Some(self.needs.source_sha256))?)
    }

    fn chosen(&self, candidate: Candidate<'a>, allocation: &Allocation) -> Chosen<'a> {
        let tensors: Vec<_> = candidate
            .planned(&allocation.chosen)
            .map(|(source, format)| PlannedTensor { source: source.clone(), format, fallback: false })
            .collect();
        let mut formats = BTreeMap::new();
        for planned in tensors.iter().filter(|planned| planned.source.is_matrix()) {
            *formats.entry(planned.format.id()).or_insert(0) += 1;
        }
        let point = |a: Allocation| ParetoPoint { bytes: a.bytes, predicted_kld: a.loss };
        let report = AllocationReport {
            budget: self.budget.0,
            predicted_kld: allocation.loss,
            layers: candidate.layers,
            formats,
            pareto: pareto_front(&candidate.items()).into_iter().map(point).collect(),
        };
        Chosen { basis: candidate.basis, plan: Plan { tensors }, report: Some(report) }
    }
}

fn no_rotation_fits(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(QuantError::RotationWidth { .. })))
}

impl<'a> Candidate<'a> {
    /// Tensors that were not measured, or that no format fits, are copied, and so are the layers where that is asked for.
    fn new(
        catalogue: &FormatCatalogue,
        basis: Basis<'a>,
        layers: Layers,
        measured: &HashMap<&str, &Sensitivity>,
    ) -> Result<Self> {
        let choices = basis.source().tensors().iter().map(|info| {
            let copied = layers == Layers::Copied && info.name.starts_with("blk.");
            let losses = match measured.get(info.name.as_str()) {
                Some(sensitivity) if !copied && !sensitivity.losses.is_empty() => {
                    let losses = sensitivity.losses.iter();
                    losses.filter_map(|(id, loss)| Some((*catalogue.by_id(id)?, *loss))).collect()
                }
                _ if TensorRole::of(&info.name) == TensorRole::FrequentRows => {
                    vec![(fallback(info, catalogue), 0.0)]
                }
                _ => vec![(info.format, 0.0)],
            };
            let choices = losses.into_iter().map(|(format, loss)| {
                let bytes = format.byte_len(&info.shape)? as u64;
                Ok((format, Choice { bytes, loss }))
            });
            choices.collect::<Result<Vec<_>>>().with_context(|| format!("tensor {}", info.name))
        });
        let choices = choices.collect::<Result<_>>()?;
        Ok(Self { basis, layers, choices })
    }

    fn items(&self) -> Vec<Vec<Choice>> {
        self.choices.iter().map(|choices| choices.iter().map(|(_, choice)| *choice).collect()).collect()
    }

    fn planned<'s>(&'s self, chosen: &'s [usize]) -> impl Iterator<Item = (&'s TensorInfo, QuantFormat)> {
        let formats = self.choices.iter().zip(chosen).map(|(choices, &at)| choices[at].0);
        self.basis.source().tensors().iter().zip(formats)
    }

    fn infos(&self, chosen: &[usize]) -> Vec<TensorInfo> {
        let with = |(info, format): (&TensorInfo, QuantFormat)| TensorInfo { format, ..info.clone() };
        self.planned(chosen).map(with).collect()
    }
}
