//! The π study: what a step of α·π/k is worth, against other constants, other grids and codes that are no grids, on
//! synthetic weights and on those of a model.

mod attention;
mod contender;
mod divergence;
mod gate;
mod layer;
mod measure;
mod random;
mod report;
mod source;

pub(crate) use divergence::Divergence;
pub(crate) use measure::Row;
pub(crate) use report::{StudyResult, html, markdown, text};
pub(crate) use source::Source;

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::Result;
use contender::contenders;
use gate::Gate;
use measure::Measured;
use random::Distribution;
use serde::Serialize;

/// What to do.
pub(crate) struct Study<'a> {
    pub(crate) context: &'a Context,
    pub(crate) model: &'a ModelRef,
    /// Layers of the model that are measured.
    pub(crate) layers: usize,
    /// Rows and columns of synthetic matrices.
    pub(crate) side: usize,
    /// Whether and how to measure the divergence of whole models.
    pub(crate) divergence: Option<Divergence<'a>>,
}

/// All quantizers on weights of one kind.
#[derive(Serialize)]
pub(crate) struct SourceFigures {
    pub(crate) source: String,
    pub(crate) weights: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) gate_g1: Vec<Gate>,
}

impl Study<'_> {
    pub(crate) fn run(&self) -> Result<StudyResult> {
        let (sources, seconds) = self.context.timed(|| {
            let synthetic = [Distribution::Normal, Distribution::Laplace, Distribution::StudentT5];
            let synthetic = synthetic.map(|distribution| Source::Synthetic { distribution, side: self.side });
            let mut figures = Vec::new();
            for source in synthetic {
                figures.push(self.measure(&source)?);
            }
            let model = Source::model(self.context, self.model, self.layers)?;
            let mut real = self.measure(&model)?;
            if let Some(divergence) = &self.divergence {
                divergence.add(self.context, self.model, &mut real.rows)?;
            }
            figures.push(real);
            Ok(figures)
        })?;
        Ok(StudyResult { model: self.model.to_string(), sources, seconds })
    }

    fn measure(&self, source: &Source) -> Result<SourceFigures> {
        let contenders = contenders();
        let bar = self.context.progress.bar("study", (source.layers() * contenders.len()) as u64);
        let mut measured: Vec<Measured> = contenders.iter().map(|_| Measured::default()).collect();
        let mut weights = 0;
        for index in 0..source.layers() {
            let layer = source.layer(self.context, index)?;
            weights += layer.weights();
            for (contender, measured) in contenders.iter().zip(&mut measured) {
                bar.set_message(format!("{source}, {}", contender.name));
                measured.add(self.context, contender, &layer)?;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        let rows = contenders.iter().zip(&measured).filter_map(|(c, m)| Row::new(c, m)).collect::<Vec<_>>();
        let gate_g1 = Gate::evaluate(&rows);
        Ok(SourceFigures { source: source.to_string(), weights, rows, gate_g1 })
    }
}
