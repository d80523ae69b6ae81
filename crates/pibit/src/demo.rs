//! The demo: quantize a model to every one of our formats and to ggml's of like size, measure all, write a report.

mod histogram;
mod llama_cpp;
mod report;
mod row;

pub(crate) use row::Row;

use crate::context::Context;
use crate::evaluation::Text;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result};
use domain_types::TensorSource;
use inference::{GenerateOptions, Sampler, SamplerOptions, generate};
use observability::Table;
use qat_training::corpus::{Corpus, Domain};
use quant_core::FormatEntry;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// ggml's formats to compare with, where the model's rows fit them.
const PEERS: [&str; 7] = ["q8_0", "q4_k", "q4_0", "iq4_nl", "q3_k", "q2_k", "tq2_0"];
/// The format that writes the sample, best first.
const SAMPLE_FORMAT: &str = "piq3";
/// What to do.
pub(crate) struct Demo<'a> {
    pub(crate) context: &'a Context,
    pub(crate) model: &'a ModelRef,
    pub(crate) output: &'a Path,
    pub(crate) text: Option<&'a Path>,
    /// Tokens per evaluation chunk.
    pub(crate) ctx: usize,
    pub(crate) chunks: usize,
    pub(crate) task_samples: usize,
}

/// What came out.
pub(crate) struct DemoResult {
    pub(crate) rows: Vec<Row>,
    pub(crate) table: Table,
    pub(crate) sample_format: &'static str,
    pub(crate) sample: String,
    pub(crate) report: PathBuf,
}

impl Demo<'_> {
    pub(crate) fn run(&self) -> Result<DemoResult> {
        std::fs::create_dir_all(self.output)
            .with_context(|| format!("could not create {}", self.output.display()))?;
        let source = self.model.open(self.context)?;
        let text = self.text.map_or_else(|| Ok(Text::held_out_corpus()), Text::read)?;
        let mut reference = LoadedModel::exact(self.context, self.model, self.ctx)?;
        let mut rows = vec![self.measure_reference(&text)?];
        for format in formats_for(&*source) {
            self.context.progress.note(&format!("{format}:"));
            rows.push(self.measure_format(format, &*source, &mut reference, &text)?);
        }
        let sample = self.sample()?;
        let table = report::table(self.model, &rows)?;
        let report = self.output.join("report.html");
        report::build(self, &*source, &rows, &table, &sample)?.write(&report)?;
        let sample = format!("{}{}", sample.prompt, sample.continuation);
        Ok(DemoResult { rows, table, sample_format: SAMPLE_FORMAT, sample, report })
    }

    /// Where the file of a format goes.
    fn file(&self, format: &str) -> PathBuf {
        let stem = match self.model {
            ModelRef::Path(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            named => named.to_string(),
        };
        self.output.join(format!("{stem}-{format}.gguf"))
    }

    /// Whether the model knows the corpus' tasks: only `tiny` was trained on them.
    fn task_domains(&self) -> &'static [Domain] {
        if *self.model == ModelRef::Tiny { &[Domain::Arithmetic, Domain::Code] } else { &[] }
    }

    /// Has the 3-bit model continue a prompt greedily.
    fn sample(&self) -> Result<report::SampleText> {
        let mut model =
            LoadedModel::exact(self.context, &ModelRef::Path(self.file(SAMPLE_FORMAT)), self.ctx)?;
        let prompt = match self.model {
            ModelRef::Tiny => Corpus::new(0).tasks(Domain::Arithmetic, 1)[0].prompt().to_owned(),
            _ => "The three largest cities of France are".to_owned(),
        };
        let tokens = model.prompt_tokens(&prompt)?;
        let options = GenerateOptions { max_tokens: 48, ..GenerateOptions::default() };
        let mut sampler = Sampler::new(SamplerOptions::greedy())?;
        let ignore = &mut |_: &str| ControlFlow::Continue(());
        let text =
            generate(&mut model.transformer, &*model.tokenizer, &tokens, &mut sampler, &options, ignore)?
                .text;
        Ok(report::SampleText { prompt, continuation: text })
    }
}

/// Our formats, then ggml's; those that every matrix of the model fits.
fn formats_for(source: &dyn TensorSource) -> Vec<&'static str> {
    let ours = |entry: &&FormatEntry| entry.format().ggml_type().is_none();
    let peer = |entry: &&FormatEntry| PEERS.contains(&entry.format().id());
    let fits = |entry: &&FormatEntry| {
        source.tensors().iter().filter(|t| t.is_matrix()).all(|t| entry.format().fits(&t.shape))
    };
    let entries = || quant_core::entries().iter().filter(|e| e.can_encode()).filter(fits);
    entries().filter(ours).chain(entries().filter(peer)).map(|e| e.format().id()).collect()
}
