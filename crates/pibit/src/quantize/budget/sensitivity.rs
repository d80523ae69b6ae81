//! How much worse a model gets where one of its tensors is rounded.

use super::super::carried::Carried;
use super::super::checkpoint::Checkpoint;
use super::super::convert::{Tools, convert};
use super::super::overlay::Overlay;
use super::super::plan::PlannedTensor;
use super::super::role::TensorRole;
use super::super::round::Rounding;
use crate::context::Context;
use crate::floats;
use crate::stage;
use anyhow::{Context as _, Result};
use domain_types::port::NullSink;
use domain_types::{CodecSet, LogitRows, QuantFormat, QuantTensor, TensorInfo, TensorSource, TokenId};
use inference::{Stage, StageStream, mean_divergence};
use quant_core::{Activations, Codecs};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Tokens that divergences are measured on, over the second half of each chunk, and the most of each chunk.
const TOKENS: usize = 512;
const OF_CHUNK: usize = 256;

/// Under what name the checkpoint keeps measurements.
const KEPT: &str = "sensitivities";

/// Measures with what it needs.
pub(super) struct Probe<'a> {
    pub(super) context: &'a Context,
    pub(super) carried: Carried<'a>,
    pub(super) rounding: &'a Rounding,
    /// Formats to choose among, the coarsest first.
    pub(super) formats: &'a [QuantFormat],
    /// Keeps what is measured.
    pub(super) checkpoint: &'a Checkpoint<'a>,
}

/// What rounding a tensor costs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sensitivity {
    pub(super) tensor: String,
    /// Format ids, and KL(original ‖ model) with this tensor alone rounded to each, in nats per token: for each format
    /// that fits it.
    pub(super) losses: Vec<(String, f64)>,
}

/// Of these tensors everything is measured.
#[derive(Default, Serialize, Deserialize)]
struct Measured {
    rows: Vec<Sensitivity>,
    /// Mean proxy loss of each format.
    shares: Vec<(String, f64)>,
    /// Blocks that are finished.
    layers: usize,
}

impl Probe<'_> {
    /// Measures every matrix that was calibrated, and the embedding. In blocks each is rounded to the coarsest format
    /// that fits; the other formats' losses follow by their shares of proxy loss, which in a rotated basis are nearly the
    /// same for all layers: they are measured on the block in the middle.
    pub(super) fn measure(&self) -> Result<Vec<Sensitivity>> {
        let original = self.carried.basis.original();
        let spec = original.spec()?;
        let _span = stage::measure(spec.layers).entered();
        let chunks = sample(self.carried.calibration.chunks()?);
        let codecs = Codecs::new(Activations::Int8);
        let mut stream = StageStream::new(original, &codecs, &chunks)?;
        let reference = Reference::new(stream.fork(), original, chunks.len(), spec.vocab_size)?;
        let mut measured = self.kept();
        let bar = self.context.progress.bar("measure", spec.layers as u64 + 1);
        bar.tick();
        if measured.rows.is_empty() {
            measured.rows = self.ends(codecs, &chunks, &reference)?;
        }
        bar.set_position(1 + measured.layers as u64);
        if measured.shares.is_empty() {
            measured.shares = self.shares(spec.layers / 2)?;
        }
        for layer in 0..spec.layers {
            if layer < measured.layers {
                (0..Stage::OF_A_BLOCK).try_for_each(|_| stream.pass(original))?;
                continue;
            }
            let (infos, forks) = self.forks(&mut stream, layer)?;
            let losses = reference.losses(StageStream::merge(forks), original)?;
            let rows =
                infos.iter().zip(losses).map(|(info, loss)| self.extrapolate(info, loss, &measured.shares));
            let rows: Vec<_> = rows.collect();
            measured.rows.extend(rows);
            measured.layers += 1;
            self.checkpoint.save_text(KEPT, &serde_json::to_string(&measured)?)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(measured.rows)
    }

    /// What an earlier run measured.
    fn kept(&self) -> Measured {
        let text = self.checkpoint.text(KEPT);
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Embedding and output head, each in each format.
    fn ends(
        &self,
        codecs: Codecs,
        chunks: &[Vec<TokenId>],
        reference: &Reference,
    ) -> Result<Vec<Sensitivity>> {
        let (original, maker) = (self.carried.basis.original(), self.maker());
        let mut rows = Vec::new();
        for info in original.tensors().iter().filter(|info| TensorRole::of(&info.name).is_end()) {
            let losses = self.formats.iter().filter(|format| format.fits(&info.shape)).map(|&format| {
                let mut overlay = Overlay::new(original);
                overlay.put(&info.name, maker.rounded(info, format)?.0);
                let stream = StageStream::new(&overlay, &codecs, chunks)?;
                Ok((format.id().to_owned(), reference.losses(stream, &overlay)?[0]))
            });
            rows.push(Sensitivity { tensor: info.name.clone(), losses: losses.collect::<Result<_>>()? });
        }
        Ok(rows)
    }

    /// For each matrix of a block a stream that has passed the block with it rounded; `stream` passes it, too.
    fn forks<'s>(
        &self,
        stream: &mut StageStream<'s>,
        layer: usize,
    ) -> Result<(Vec<TensorInfo>, Vec<StageStream<'s>>)> {
        let (original, maker) = (self.carried.basis.original(), self.maker());
        let (mut infos, mut forks) = (Vec::new(), Vec::new());
        while stream.stage().layer() == Some(layer) {
            let of_stage = stream.tensors().into_iter().filter_map(|name| original.info(&name).cloned());
            let of_stage: Vec<_> =
                of_stage.filter_map(|info| self.coarsest(&info).map(|format| (info, format))).collect();
            let rounded = of_stage.into_par_iter().map(|(info, format)| {
                let (tensor, _) = maker.rounded(&info, format)?;
                Ok((info, tensor))
            });
            for (info, tensor) in rounded.collect::<Result<Vec<_>>>()? {
                let mut overlay = Overlay::new(original);
                overlay.put(&info.name, tensor);
                let mut fork = stream.fork();
                while fork.stage().layer() == Some(layer) {
                    fork.pass(&overlay)?;
                }
                infos.push(info);
                forks.push(fork);
            }
            stream.pass(original)?;
        }
        Ok((infos, forks))
    }

    fn maker(&self) -> Maker<'_> {
        let tools = Tools { sink: &NullSink, ..Tools::of(self.context) };
        Maker { tools, carried: self.carried, rounding: self.rounding }
    }

    fn coarsest(&self, info: &TensorInfo) -> Option<QuantFormat> {
        self.formats.iter().find(|format| format.fits(&info.shape)).copied()
    }

    /// Mean proxy loss of each format over a block's matrices, in shares of the first format's.
    fn shares(&self, layer: usize) -> Result<Vec<(String, f64)>> {
        let (prefix, maker) = (format!("blk.{layer}."), self.maker());
        let infos = self.carried.basis.original().tensors().iter();
        let infos: Vec<_> = infos.filter(|t| t.is_matrix() && t.name.starts_with(&prefix)).collect();
        let losses = self.formats.iter().map(|&format| {
            let fitting: Vec<_> = infos.iter().filter(|info| format.fits(&info.shape)).collect();
            let losses = fitting.par_iter().map(|info| maker.rounded(info, format).map(|(_, loss)| loss));
            let losses: Vec<f64> = losses.collect::<Result<_>>()?;
            Ok((format.id().to_owned(), losses.iter().sum::<f64>() / losses.len().max(1) as f64))
        });
        losses.collect()
    }

    fn extrapolate(&self, info: &TensorInfo, loss: f64, shares: &[(String, f64)]) -> Sensitivity {
        let share = |format: &QuantFormat| {
            shares.iter().find(|(id, _)| id == format.id()).map_or(0.0, |(_, share)| *share)
        };
        let base = self.coarsest(info).map_or(0.0, |format| share(&format));
        let fitting = self.formats.iter().filter(|format| format.fits(&info.shape));
        let losses = fitting.map(|format| {
            (format.id().to_owned(), if base > 0.0 { loss * share(format) / base } else { 0.0 })
        });
        Sensitivity { tensor: info.name.clone(), losses: losses.collect() }
    }
}

/// What threads share to round tensors for a try.
#[derive(Clone, Copy)]
struct Maker<'a> {
    tools: Tools<'a>,
    carried: Carried<'a>,
    rounding: &'a Rounding,
}

impl Maker<'_> {
    /// A tensor rounded in the basis it will be stored in, seen in the original one, and its proxy loss.
    fn rounded(&self, info: &TensorInfo, format: QuantFormat) -> Result<(QuantTensor, f64)> {
        let (basis, tools) = (self.carried.basis, self.tools);
        let source = basis.source().info(&info.name).with_context(|| format!("tensor {}", info.name))?;
        let planned = PlannedTensor { source: source.clone(), format, fallback: false };
        let observed = self.carried.observed(&info.name)?;
        let (tensor, report) = convert(tools, basis.source(), &planned, self.rounding, observed.as_ref())
            .with_context(|| format!("tensor {}", info.name))?;
        let mut weights = vec![0.0; tensor.shape().elements()];
        tools.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
        basis.restore(&info.name, &mut weights, info.shape.row_len());
        Ok((floats::tensor(info.shape, &weights)?, report.proxy_loss.unwrap_or_default()))
    }
}

/// The beginnings of some chunks, evenly spaced: of all sources.
fn sample(mut chunks: Vec<Vec<TokenId>>) -> Vec<Vec<TokenId>> {
    for chunk in &mut chunks {
        chunk.truncate(OF_CHUNK);
    }
    let longest = chunks.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let (all, count) = (chunks.len(), TOKENS.div_ceil(longest).min(chunks.len()));
    (0..count).map(|at| std::mem::take(&mut chunks[at * all / count])).collect()
}

/// What the original model says.
struct Reference {
    /// Logits of each chunk.
    logits: Vec<Vec<f32>>,
    rows: LogitRows,
    vocab: usize,
}

impl Reference {
    fn new(
        mut stream: StageStream<'_>,
        original: &dyn TensorSource,
        chunks: usize,
        vocab: usize,
    ) -> Result<Self> {
        let rows = LogitRows::From(stream.tokens() / chunks / 2);
        while stream.stage() != Stage::Head {
            stream.pass(original)?;
        }
        let mut logits = vec![Vec::new(); chunks];
        for (chunk, logits) in logits.iter_mut().enumerate() {
            stream.logits(chunk, rows, logits)?;
        }
        Ok(Self { logits, rows, vocab })
    }

    /// The mean divergence of each fork in a stream: they hold all chunks, one fork after the other.
    fn losses(&self, mut stream: StageStream<'_>, source: &dyn TensorSource) -> Result<Vec<f64>> {
        while stream.stage() != Stage::Head {
            stream.pass(source)?;
        }
        let (mut logits, mut losses) = (Vec::new(), Vec::new());
        for fork in 0..stream.chunks() / self.logits.len() {
            let mut sum = 0.0;
            for (chunk, reference) in self.logits.iter().enumerate() {
                stream.logits(fork * self.logits.len() + chunk, self.rows, &mut logits)?;
                sum += mean_divergence(reference, &logits, self.vocab)?;
            }
            // Rounding errors make the divergence of equal models a little less than nothing.
            losses.push(f64::max(0.0, sum / self.logits.len() as f64));
        }
        Ok(losses)
    }
}
