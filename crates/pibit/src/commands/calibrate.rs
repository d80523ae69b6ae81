//! `pibit calibrate`.

use crate::calibration::{
    CalibrationDomain, CalibrationWriter, DataSource, Dataset, DatasetOptions, InputFinding, Provenance,
    collect, shared_inputs, warnings,
};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::resume::ResumeFolder;
use crate::runnable;
use crate::stage;
use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use domain_types::DomainEvent;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Tokens per chunk where the user does not say.
const DEFAULT_CTX: usize = 512;

#[derive(clap::Args)]
#[command(after_help = "\
Streams the texts through the model layer by layer and keeps the second moments of what each linear layer reads. The
file is an importance matrix that llama.cpp reads, too; see docs/calibration.md. The same input gives the same bytes.
A run that was killed goes on behind its last finished block when the same command is given again.

Examples:
  pibit calibrate smollm2 --text wikitext2.txt --samples 48 -o smollm2.calib.gguf
  pibit calibrate smollm2 --text wiki.txt --domains math,code,tool-use --samples 96 --seed 1 -o mixed.calib.gguf
  pibit quantize smollm2 -f piq3 --step imatrix --imatrix smollm2.calib.gguf -o s3.gguf")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Texts to calibrate on: raw text, of the kind that the model is for
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "domains")]
    text: Vec<PathBuf>,
    /// Domains of the built-in corpus to calibrate on
    #[arg(long, value_name = "DOMAIN,…", value_delimiter = ',')]
    domains: Vec<CalibrationDomain>,
    /// Chunks in all [default: all of the texts and 16 of each domain, at most 256]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Tokens per chunk
    #[arg(long, default_value_t = DEFAULT_CTX)]
    ctx: usize,
    /// Chooses chunks where there are more than are wanted, and the texts of domains
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Time to record, in seconds since 1970 [default: SOURCE_DATE_EPOCH, else none]
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// What a budget is spent by where nothing else is given: these texts, or else all of the built-in corpus.
    pub(crate) fn for_budget(
        model: &ModelRef,
        context_length: usize,
        text: &[PathBuf],
        seed: u64,
        output: &Path,
    ) -> Self {
        let ctx = DEFAULT_CTX.min(context_length);
        let domains = if text.is_empty() { CalibrationDomain::value_variants().to_vec() } else { Vec::new() };
        let (model, text, output) = (model.clone(), text.to_vec(), output.to_owned());
        Self { model, text, domains, samples: None, ctx, seed, time: None, output, json: false }
    }
}

#[derive(Serialize)]
pub(crate) struct CalibrateReport {
    output: String,
    bytes: u64,
    config_sha256: String,
    model: String,
    pub(crate) samples: usize,
    ctx: usize,
    tokens: u64,
    seed: u64,
    dataset_sha256: String,
    sources: Vec<DataSource>,
    seconds: f64,
    warnings: Vec<String>,
    inputs: Vec<InputFinding>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = calibrate(context, args)?;
    if args.json {
        return output::json(&report);
    }
    for warning in &report.warnings {
        context.progress.note(&format!("warning: {warning}"));
    }
    println!(
        "{}: {}, {} inputs over {} tokens in {} chunks, {:.1} s",
        report.output,
        output::bytes(report.bytes),
        report.inputs.len(),
        report.tokens,
        report.samples,
        report.seconds
    );
    Ok(())
}

/// Collects and writes.
pub(crate) fn calibrate(context: &Context, args: &Args) -> Result<CalibrateReport> {
    let source = args.model.open(context)?;
    let tokenizer =
        model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {}", args.model))?;
    runnable::require(context, &*source)?;
    let (texts, domains, ctx, seed) = (&*args.text, &*args.domains, args.ctx, args.seed);
    let options = DatasetOptions { texts, domains, samples: args.samples, ctx, seed };
    let dataset = stage::dataset(ctx).in_scope(|| Dataset::load(&tokenizer, &options))?;
    let model_sha256 = args.model.sha256()?;
    let provenance =
        Provenance { dataset: &dataset, ctx, seed, model_sha256: &model_sha256, time: time(args.time)? };
    let mut inputs = Vec::new();
    let (written, seconds) = context.timed(|| {
        let mut writer = CalibrationWriter::create(&args.output, &shared_inputs(&*source)?, &provenance)?;
        let resume = ResumeFolder::new(context, &args.output, &depends_on(&provenance));
        collect(context, &*source, &dataset, &resume, &mut |input| {
            writer.push(&input)?;
            inputs.push(input.finding);
            Ok(())
        })?;
        let path = args.output.display().to_string();
        let written = stage::finish(&path).in_scope(|| writer.finish())?;
        resume.clear()?;
        anyhow::Ok(written)
    })?;
    record(context, args, &dataset, source.spec()?.layers, &written);
    Ok(CalibrateReport {
        output: args.output.display().to_string(),
        bytes: written.bytes,
        config_sha256: written.config_sha256,
        model: args.model.to_string(),
        samples: dataset.chunks.len(),
        ctx,
        tokens: dataset.tokens(),
        seed,
        dataset_sha256: dataset.sha256(),
        seconds,
        warnings: warnings(&inputs, dataset.tokens()),
        sources: dataset.sources,
        inputs,
    })
}

/// All that the moments depend on.
fn depends_on(provenance: &Provenance<'_>) -> String {
    let Provenance { dataset, model_sha256, .. } = provenance;
    let version = env!("CARGO_PKG_VERSION");
    format!("{version} calibrate {model_sha256} {} {:?}", dataset.sha256(), dataset.sources)
}

fn record(
    context: &Context,
    args: &Args,
    dataset: &Dataset,
    layers: usize,
    written: &model_store::WriteReport,
) {
    let domains = dataset.sources.iter().map(|source| source.name.clone()).collect();
    let total_samples = dataset.chunks.len();
    context.sink.record(&DomainEvent::CalibrationComplete { layers, domains, total_samples });
    context.sink.record(&DomainEvent::FileWritten {
        path: args.output.display().to_string(),
        bytes: written.bytes,
        config_sha256: written.config_sha256.clone(),
    });
}

/// The time to record: asked for, or that of reproducible builds.
fn time(asked: Option<u64>) -> Result<Option<u64>> {
    match (asked, std::env::var("SOURCE_DATE_EPOCH")) {
        (Some(time), _) => Ok(Some(time)),
        (None, Ok(text)) => {
            let time = text.parse();
            time.map(Some).with_context(|| format!("SOURCE_DATE_EPOCH={text:?} is no number of seconds"))
        }
        (None, Err(_)) => Ok(None),
    }
}
