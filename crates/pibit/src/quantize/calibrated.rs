//! Rounding with what calibration knows: block by block, each for the inputs that the rounded blocks before it give.

use super::carried::Carried;
use super::checkpoint::Checkpoint;
use super::convert::{RoundedTensors, TensorReport, Tools, convert};
use super::observed::{Observed, Wanted};
use super::overlay::Overlay;
use super::plan::{Plan, PlannedTensor};
use super::role::TensorRole;
use super::round::Rounding;
use crate::context::Context;
use crate::stage;
use anyhow::{Context as _, Result, bail};
use domain_types::{Hessian, QuantTensor, TensorSource};
use indicatif::ProgressBar;
use inference::{Stage, StageStream};
use quant_core::{Activations, Codecs, CrossMoment, InputMoments};
use rayon::prelude::*;
use tracing::Span;

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
    pub(crate) carried: Carried<'a>,
    pub(crate) plan: &'a Plan,
    pub(crate) rounding: &'a Rounding,
    pub(crate) prefix: Prefix,
    pub(crate) checkpoint: &'a Checkpoint<'a>,
}

/// Tensors made together, with their reports.
type Batch = Vec<(QuantTensor, TensorReport)>;

impl Calibrated<'_> {
    /// Rounds all matrices that read activations, and the embedding. Memory: the rounded tensors, and with the prefix
    /// quantized two residual streams and inputs of all chunks and the layers of one stage.
    pub(crate) fn round(&self) -> Result<RoundedTensors> {
        let mut done = Done { tensors: RoundedTensors::new(), overlay: Overlay::new(self.source()) };
        done.keep(self.part("ends", &self.ends(), || {
            self.ends().into_iter().map(|p| self.as_calibrated(p)).collect()
        })?);
        let layers = self.source().spec()?.layers;
        let _span = stage::round(layers).entered();
        let bar = self.context.progress.bar("round", layers as u64);
        bar.tick();
        match self.prefix {
            Prefix::Original => self.round_on_original(&mut done, &bar)?,
            Prefix::Quantized if self.copies_layers() => {}
            Prefix::Quantized => self.round_on_quantized(&mut done, &bar)?,
        }
        bar.finish_and_clear();
        Ok(done.tensors)
    }

    /// Whether there is nothing to round in the blocks.
    fn copies_layers(&self) -> bool {
        let mut layers = self.plan.tensors.iter().filter(|t| t.source.name.starts_with("blk."));
        layers.all(|planned| planned.format == planned.source.format)
    }

    /// For the inputs that were calibrated: nothing runs.
    fn round_on_original(&self, done: &mut Done<'_>, bar: &ProgressBar) -> Result<()> {
        for layer in 0..self.source().spec()?.layers {
            let _span = stage::block(layer).entered();
            let planned = self.of_block(layer);
            let make = || planned.iter().map(|planned| self.as_calibrated(planned)).collect();
            done.keep(self.part(&block(layer), &planned, make)?);
            bar.inc(1);
        }
        Ok(())
    }

    /// Two streams side by side: what the rounded layers give, and what they should.
    fn round_on_quantized(&self, done: &mut Done<'_>, bar: &ProgressBar) -> Result<()> {
        let chunks = self.carried.calibration.chunks()?;
        // Packed layers multiply 8-bit activations, as they will when the model runs.
        let (exact, packed) = (Codecs::new(Activations::F32), Codecs::new(Activations::Int8));
        let mut original = StageStream::new(self.source(), &exact, &chunks)?;
        let mut rounded = StageStream::new(&done.overlay, &packed, &chunks)?;
        self.go_on(&mut original, &mut rounded, done)?;
        bar.set_position(rounded.stage().layer().unwrap_or_default() as u64);
        while let Some(layer) = rounded.stage().layer() {
            let _span = stage::block(layer).entered();
            let mut made = Vec::new();
            while rounded.stage().layer() == Some(layer) {
                let observed = self.observe(&mut original, &rounded)?;
                let of_stage = self.round_stage(&rounded.tensors(), &observed)?;
                done.keep(of_stage.clone());
                made.extend(of_stage);
                rounded.pass(&done.overlay)?;
            }
            self.checkpoint.save(&block(layer), &made)?;
            if rounded.stage() != Stage::Head {
                self.checkpoint.save_streams(layer + 1, original.hidden(), rounded.hidden())?;
            }
            bar.inc(1);
        }
        Ok(())
    }

    /// Takes what an earlier run finished, and goes to where it was.
    fn go_on(
        &self,
        original: &mut StageStream<'_>,
        rounded: &mut StageStream<'_>,
        done: &mut Done<'_>,
    ) -> Result<()> {
        let Some(streams) = self.checkpoint.streams() else { return Ok(()) };
        let mut blocks = Vec::new();
        for layer in 0..streams.layer {
            let planned = self.of_block(layer);
            let Some(batch) = self.checkpoint.load(&block(layer), self.tools(), self.source(), &planned)?
            else {
                return Ok(());
            };
            blocks.push(batch);
        }
        self.context.progress.note(&format!("going on at block {}", streams.layer));
        for batch in blocks {
            done.keep(batch);
        }
        original.resume(self.source(), streams.layer, streams.original)?;
        rounded.resume(&done.overlay, streams.layer, streams.rounded)?;
        Ok(())
    }

    /// What the rounded stream gives a stage, and what the stage should make of it. The original stream passes the stage.
    fn observe(&self, original: &mut StageStream<'_>, rounded: &StageStream<'_>) -> Result<Observed> {
        let hessian = hessian(rounded)?;
        let width = hessian.width();
        let joins = !self.source().spec()?.post_norms;
        let wanted = if joins && rounded.stage().writes_residual() {
            original.pass(self.source())?;
            // What is missing in the residual stream, too, is made up for as far as the inputs tell.
            let missing = original.hidden().iter().zip(rounded.hidden()).map(|(y, h)| y - h);
            let missing: Vec<f32> = missing.collect();
            let mut moment = CrossMoment::new(missing.len() / rounded.tokens(), width);
            moment.add(&missing, rounded.inputs());
            Wanted::Outputs(moment)
        } else {
            let mut moment = CrossMoment::new(width, width);
            moment.add(original.inputs(), rounded.inputs());
            original.pass(self.source())?;
            Wanted::OfInputs(moment)
        };
        Ok(Observed { hessian, wanted: Some(wanted) })
    }

    /// The tensors of a part: as an earlier run left them, or made and kept.
    fn part(
        &self,
        name: &str,
        planned: &[&PlannedTensor],
        make: impl FnOnce() -> Result<Batch>,
    ) -> Result<Batch> {
        if let Some(batch) = self.checkpoint.load(name, self.tools(), self.source(), planned)? {
            return Ok(batch);
        }
        let batch = make()?;
        self.checkpoint.save(name, &batch)?;
        Ok(batch)
    }

    fn round_stage(&self, tensors: &[String], observed: &Observed) -> Result<Batch> {
        let planned: Vec<_> = self.plan.tensors.iter().filter(|t| tensors.contains(&t.source.name)).collect();
        let (tools, source, rounding) = (self.tools(), self.source(), self.rounding);
        // Other threads do not know what this one is doing.
        let block = Span::current();
        let round = |planned: &&PlannedTensor| {
            block.in_scope(|| round_one(tools, source, rounding, planned, Some(observed)))
        };
        planned.par_iter().map(round).collect()
    }

    /// Rounds a tensor for the inputs that were calibrated, if it was.
    fn as_calibrated(&self, planned: &PlannedTensor) -> Result<(QuantTensor, TensorReport)> {
        let observed = self.carried.observed(&planned.source.name)?;
        round_one(self.tools(), self.source(), self.rounding, planned, observed.as_ref())
    }

    /// Embedding and output head: what reads and is read outside the blocks.
    fn ends(&self) -> Vec<&PlannedTensor> {
        let is_end = |planned: &&PlannedTensor| TensorRole::of(&planned.source.name).is_end();
        self.plan.tensors.iter().filter(is_end).collect()
    }

    /// The matrices of a block.
    fn of_block(&self, layer: usize) -> Vec<&PlannedTensor> {
        let prefix = format!("blk.{layer}.");
        let of_block = |t: &&PlannedTensor| t.source.name.starts_with(&prefix) && t.source.is_matrix();
        self.plan.tensors.iter().filter(of_block).collect()
    }

    fn source(&self) -> &dyn TensorSource {
        self.carried.basis.source()
    }

    fn tools(&self) -> Tools<'_> {
        Tools::of(self.context)
    }
}

fn block(layer: usize) -> String {
    format!("block-{layer}")
}

fn round_one(
    tools: Tools<'_>,
    source: &dyn TensorSource,
    rounding: &Rounding,
    planned: &PlannedTensor,
    observed: Option<&Observed>,
) -> Result<(QuantTensor, TensorReport)> {
    let _span = stage::tensor(&planned.source.name, planned.format.id()).entered();
    convert(tools, source, planned, rounding, observed)
        .with_context(|| format!("tensor {}", planned.source.name))
}

/// What is rounded already.
struct Done<'a> {
    tensors: RoundedTensors,
    overlay: Overlay<'a>,
}

impl Done<'_> {
    fn keep(&mut self, batch: Batch) {
        for rounded in batch {
            let name = rounded.1.name.clone();
            self.overlay.put(&name, rounded.0.clone());
            self.tensors.insert(name, rounded);
        }
    }
}

/// Of what a stage reads.
fn hessian(stream: &StageStream<'_>) -> Result<Hessian> {
    let mut moments = InputMoments::new();
    stream.show(&mut moments);
    let [layer] = &moments.take()[..] else { bail!("a stage reads one kind of input") };
    layer.hessian().with_context(|| format!("inputs of {}", layer.tensors()[0]))
}
