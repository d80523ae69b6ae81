//! `pibit adapt fisher`.

use super::fisher_file::{self, Provenance};
use crate::commands::qat::{data_of, scale_blocks};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::plain::PlainSource;
use anyhow::{Context as _, Result};
use qat_training::{Fisher, ScheduleConfig};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Squares of the loss's gradients, averaged over rows: per input channel, as an importance matrix for
`pibit quantize --imatrix`, and per scale, for `pibit adapt scales --fisher`.

Examples:
  pibit adapt fisher tiny-piq2.gguf -o fisher.gguf
  pibit adapt fisher smollm2 --data wikitext2.txt --rows 64 -o fisher.gguf
  pibit quantize smollm2 -f piq3 --step imatrix --imatrix fisher.gguf -o s3.gguf")]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Domains of the built-in corpus, or a text file [default: all domains]
    #[arg(long, value_name = "DOMAIN,…|FILE")]
    data: Option<String>,
    /// Rows to measure on
    #[arg(long, default_value_t = 128)]
    rows: usize,
    /// Tokens of a row
    #[arg(long, default_value_t = 128)]
    row_length: usize,
    /// Seed of the data
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct FisherReport {
    output: String,
    bytes: u64,
    rows: usize,
    row_length: usize,
    matrices: usize,
    /// Scales with an information of their own.
    scales: usize,
    seconds: f64,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let source = args.model.open(context)?;
    let tokenizer =
        model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {}", args.model))?;
    let plain = PlainSource::new(&*source, &context.codecs)?;
    let blocks = scale_blocks(&*source);
    let data = data_of(args.data.as_deref())?;
    let schedule = ScheduleConfig {
        seed: args.seed,
        row_length: args.row_length,
        validation_rows: 0,
        ..ScheduleConfig::default()
    };
    let bar = context.progress.bar("fisher", args.rows as u64);
    let (fisher, seconds) = context.timed(|| {
        let data = (&data, &schedule);
        let progress = &mut |done| bar.set_position(done as u64);
        Ok(Fisher::measure(&plain, &tokenizer, data, args.rows, &blocks, progress)?)
    })?;
    bar.finish_and_clear();
    let named = args.data.as_deref().unwrap_or("corpus");
    let provenance = Provenance { model_sha256: &args.model.sha256()?, data: named, seed: args.seed };
    let written = fisher_file::write(context, &args.output, &fisher, &provenance)?;
    let report = FisherReport {
        output: args.output.display().to_string(),
        bytes: written.bytes,
        rows: fisher.rows,
        row_length: fisher.row_length,
        matrices: fisher.matrices.len(),
        scales: fisher.matrices.values().map(|matrix| matrix.scales.len()).sum(),
        seconds,
    };
    if args.json {
        return output::json(&report);
    }
    let FisherReport { output, matrices, scales, rows, seconds, .. } = &report;
    println!("{output}: {matrices} matrices, {scales} scales, {rows} rows, {seconds:.1} s");
    Ok(())
}
