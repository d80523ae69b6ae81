//! Rounding with what calibration knows: block by block, each for the inputs that the rounded blocks before it give.

mod overlay;

use super::convert::{RoundedTensors, Rounding, TensorReport, Tools, convert};
use super::plan::{Plan, PlannedTensor};
use super::role::TensorRole;
use crate::calibration::Calibration;
use crate::context::Context;
use anyhow::{Context as _, Result};
use domain_types::{Hessian, QuantTensor, TensorSource};
use inference::BlockStream;
use overlay::Overlay;
use quant_core::{Activations, Codecs, InputMoments};
use rayon::prelude::*;
use std::collections::HashMap;

/// What lies before a block while its inputs are observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Prefix {
    /// The rounded blocks: each makes up for the errors of those before it
    #[default]
    Quantized,
    /// The original ones
    Original,
}

/// All that rounding by blocks needs.
pub(crate) struct Calibrated<'a> {
    pub(crate) context: &'a Context,
    /// In the basis that it will be stored in.
    pub(crate) source: &'a dyn TensorSource,
    pub(crate) plan: &'a Plan,
    pub(crate) rounding: &'a Rounding,
    pub(crate) calibration: &'a Calibration,
    pub(crate) prefix: Prefix,
}

impl Calibrated<'_> {
    /// Rounds all matrices that read activations. Memory: the rounded tensors, the residual streams of all chunks, one
    /// block and its Hessians.
    pub(crate) fn round(&self) -> Result<RoundedTensors> {
        let mut done = RoundedTensors::new();
        let mut overlay = Overlay::new(self.source);
        self.round_head(&mut overlay, &mut done)?;
        // Packed layers multiply 8-bit activations, as they will when the model runs.
        let codecs = Codecs::new(Activations::Int8);
        let mut stream = BlockStream::new(&overlay, &codecs, &self.calibration.chunks()?)?;
        let bar = self.context.progress.bar("round", self.source.spec()?.layers as u64);
        bar.tick();
        while let Some(layer) = stream.layer() {
            let mut moments = InputMoments::new();
            match self.prefix {
                Prefix::Quantized => stream.observe(&overlay, &mut moments)?,
                Prefix::Original => stream.advance(&overlay, Some(&mut moments))?,
            }
            let hessians = hessians(&mut moments)?;
            for (name, rounded) in self.round_block(layer, &hessians)? {
                overlay.put(&name, rounded.0.clone(), self.prefix == Prefix::Quantized);
                done.insert(name, rounded);
            }
            if self.prefix == Prefix::Quantized {
                stream.advance(&overlay, None)?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(done)
    }

    /// An output head of its own, which is in the basis that the calibration was made in. An embedding is looked up:
    /// what it is multiplied with where it is the head, too, says nothing of that. Rounded for the head alone, T4 made
    /// SmolLM2's perplexity 263 where 75 was the rest's.
    fn round_head(&self, overlay: &mut Overlay<'_>, done: &mut RoundedTensors) -> Result<()> {
        if self.source.spec()?.rotation.is_some_and(|rotation| rotation.ends) {
            return Ok(()); // calibrated in another basis
        }
        let of_head = |t: &&PlannedTensor| TensorRole::of(&t.source.name) == TensorRole::OutputHead;
        for planned in self.plan.tensors.iter().filter(of_head) {
            let name = &planned.source.name;
            let Some(hessian) = self.calibration.hessian(name)? else { continue };
            let rounded = round_one(Tools::of(self.context), self.source, self.rounding, planned, &hessian)?;
            overlay.put(name, rounded.0.clone(), self.prefix == Prefix::Quantized);
            done.insert(name.clone(), rounded);
        }
        Ok(())
    }

    fn round_block(&self, layer: usize, hessians: &HashMap<String, Hessian>) -> Result<RoundedTensors> {
        let prefix = format!("blk.{layer}.");
        let planned: Vec<_> =
            self.plan.tensors.iter().filter(|t| t.source.name.starts_with(&prefix)).collect();
        let (tools, source, rounding) = (Tools::of(self.context), self.source, self.rounding);
        let round = |planned: &&PlannedTensor| {
            let name = &planned.source.name;
            let Some(hessian) = hessians.get(name) else { return Ok(None) };
            Ok(Some((name.clone(), round_one(tools, source, rounding, planned, hessian)?)))
        };
        let rounded: Result<Vec<_>> = planned.par_iter().map(round).collect();
        Ok(rounded?.into_iter().flatten().collect())
    }
}

fn round_one(
    tools: Tools<'_>,
    source: &dyn TensorSource,
    rounding: &Rounding,
    planned: &PlannedTensor,
    hessian: &Hessian,
) -> Result<(QuantTensor, TensorReport)> {
    convert(tools, source, planned, rounding, Some(hessian))
        .with_context(|| format!("tensor {}", planned.source.name))
}

/// Of each layer that was observed.
fn hessians(moments: &mut InputMoments) -> Result<HashMap<String, Hessian>> {
    let mut hessians = HashMap::new();
    for layer in moments.take() {
        let hessian = layer.hessian().with_context(|| format!("inputs of {}", layer.tensors()[0]))?;
        for tensor in layer.tensors() {
            hessians.insert(tensor.clone(), hessian.clone());
        }
    }
    Ok(hessians)
}
