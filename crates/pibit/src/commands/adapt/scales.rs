//! `pibit adapt scales`.

use super::{destination, fisher_file};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::plain::PlainSource;
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result, bail};
use domain_types::{QuantTensor, TensorSource};
use qat_training::{Fisher, PackedModel, ScaleOptions, ScaleUpdate, rows_of, update_scales};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
One step of the scales of formats whose blocks are a scale times levels (piq2, piq3, pit, nf2 to nf4). Codes stay, so the
file has the same size. With --fisher the step is Newton's, and what the model knew holds it back.

Examples:
  pibit adapt scales tiny-piq2.gguf --text recent.txt --fisher fisher.gguf
  pibit adapt scales tiny-piq2.gguf --text recent.txt --fisher fisher.gguf --ewc 4 -o adapted.gguf --json")]
pub(super) struct Args {
    /// GGUF file; it changes in place unless -o is given
    model: PathBuf,
    /// Recent text
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// What `pibit adapt fisher` wrote for this model, before it was adapted
    #[arg(long, value_name = "FILE")]
    fisher: Option<PathBuf>,
    /// How much the data of --fisher weighs; 1: as much as that many recent tokens would, 0: nothing
    #[arg(long, default_value_t = ScaleOptions::default().ewc)]
    ewc: f32,
    /// Largest relative change of a scale
    #[arg(long, default_value_t = ScaleOptions::default().max_change)]
    max_change: f32,
    /// Tokens of a row
    #[arg(long, default_value_t = 128)]
    row_length: usize,
    /// File to write [default: MODEL, kept as MODEL.previous]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ScalesReport {
    output: String,
    /// Whether any scale changed; where not, nothing was written.
    changed: bool,
    tokens: usize,
    loss_before: f64,
    loss_after: f64,
    penalty: f64,
    /// Root mean square of the scales' relative changes.
    change: f64,
    /// Of the update itself: gradients, step and packing.
    update_ms: f64,
    /// Of reading the model and writing the result besides.
    seconds: f64,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let (report, seconds) = context.timed(|| adapt(context, args))?;
    let report = ScalesReport { seconds, ..report };
    if args.json {
        return output::json(&report);
    }
    let ScalesReport { output, loss_before, loss_after, change, update_ms, .. } = &report;
    if report.changed {
        let change = 100.0 * change;
        println!(
            "{output}: loss {loss_before:.4} to {loss_after:.4}, scales by {change:.2}%, {update_ms:.0} ms"
        );
    } else {
        println!("no step makes the text more likely without losing more elsewhere; nothing was written");
    }
    Ok(())
}

fn adapt(context: &Context, args: &Args) -> Result<ScalesReport> {
    if !(args.ewc >= 0.0 && args.max_change > 0.0 && args.max_change < 0.5) {
        bail!("--ewc must not be negative, and --max-change is between 0 and 0.5");
    }
    let model = ModelRef::Path(args.model.clone());
    let source = model.open(context)?;
    if source.spec()?.rotation.is_some() {
        bail!("{model} is rotated, and its scales are those of rotated weights; use `pibit adapt request`");
    }
    let tokenizer = model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {model}"))?;
    let text = std::fs::read_to_string(&args.text)
        .with_context(|| format!("could not read {}", args.text.display()))?;
    let rows = rows_of(&text, &tokenizer, args.row_length)?;
    let fisher = args.fisher.as_deref().map(|path| fisher(context, path)).transpose()?;
    let plain = PlainSource::new(&*source, &context.codecs)?;
    let options = ScaleOptions { ewc: args.ewc, max_change: args.max_change, ..ScaleOptions::default() };
    let packed = PackedModel { packed: &*source, plain: &plain, codecs: &context.codecs };
    let (update, seconds) = context.timed(|| Ok(update_scales(packed, fisher.as_ref(), &rows, &options)?))?;
    let ScaleUpdate { tensors, loss_before, loss_after, penalty, change } = update;
    let changed = !tensors.is_empty();
    let mut output = args.model.clone();
    if changed {
        output = destination(&args.model, args.output.as_ref())?;
        write(context, &*source, &model.sha256()?, tensors, &output)?;
    }
    Ok(ScalesReport {
        output: output.display().to_string(),
        changed,
        tokens: rows.iter().map(|row| row.len() - 1).sum(),
        loss_before,
        loss_after,
        penalty,
        change,
        update_ms: 1e3 * seconds,
        seconds: 0.0,
    })
}

fn fisher(context: &Context, path: &Path) -> Result<Fisher> {
    // Adapting changes the file's hash and not what its scales are worth, so the model's hash is not compared; counts are.
    Ok(fisher_file::read(&context.catalogue, path)?.0)
}

/// Writes the model with other scales: all else is copied bit for bit.
fn write(
    context: &Context,
    source: &dyn TensorSource,
    sha256: &str,
    tensors: Vec<(String, QuantTensor)>,
    output: &Path,
) -> Result<()> {
    let mut tensors: HashMap<String, QuantTensor> = tensors.into_iter().collect();
    let infos = source.tensors().to_vec();
    let target = Rewritten {
        infos: infos.clone(),
        metadata: source.metadata().clone(),
        source_sha256: Some(sha256),
        output,
    };
    rewrite::write(context, "write", target, |i| match tensors.remove(&infos[i].name) {
        Some(tensor) => Ok(tensor),
        None => Ok(source.tensor(&infos[i].name)?),
    })?;
    Ok(())
}
