//! `pibit moe precision`: a format for each expert.

mod candidates;
mod rounded;

use super::subject::Subject;
use crate::context::Context;
use crate::experts::PagingArgs;
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{Overlay, metadata_of};
use crate::rewrite::{self, Rewritten};
use anyhow::{Result, bail};
use candidates::Candidates;
use domain_types::TensorSource;
use moe_routing::MemoryBudget;
use moe_routing::precision::{ExpertPrecisionAllocator, Knapsack, PercentileRule};
use observability::{Column, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
The model reads held-out text of the built-in corpus; how often each expert is used, and how much each format changes its
weights, decide. Three ways to spend the budget are then measured by running the model with its experts rounded:
`knapsack` costs least by frequency and error, `percentile` gives 4, 3 and 2 bits by rank of use, `uniform` is the best
single format that fits. The embedding and all else stay as they are; `pibit quantize` with --keep '*ffn_*=source' rounds
them.

Examples:
  pibit moe precision tiny-moe --budget 25% --json
  pibit moe precision tiny-moe --budget 22% -o mixed.gguf && pibit run mixed.gguf -p 'Tom has 12' --expert-budget 25%")]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder or `tiny-moe`
    model: ModelRef,
    /// Bytes for all experts, such as 2MB, or a share of what they have in F16, such as 25%
    #[arg(long)]
    budget: MemoryBudget,
    /// Formats to choose from; each must take the rows of the experts
    #[arg(long, value_delimiter = ',', default_value = "piq2,piq3,q4_0,q8_0")]
    formats: Vec<String>,
    /// Tokens that the model reads
    #[arg(long, default_value_t = 1000)]
    tokens: usize,
    /// Write the model with what `knapsack` gives each expert
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    layers: usize,
    experts: usize,
    tokens: usize,
    budget_bytes: u64,
    rules: Vec<RuleReport>,
    /// What the knapsack gives each expert.
    plan: Vec<Planned>,
    /// With --output.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<WrittenFile>,
}

/// The file that carries the plan.
#[derive(Serialize)]
struct WrittenFile {
    output: String,
    bytes: u64,
    config_sha256: String,
}

/// A way to spend the budget.
#[derive(Serialize)]
struct RuleReport {
    rule: String,
    bytes: u64,
    /// Σ frequency · squared relative error.
    cost: f64,
    ppl_ratio: f64,
    kld_mean: f64,
    /// How many experts have each format.
    formats: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Planned {
    layer: usize,
    expert: usize,
    /// Share of tokens that use it.
    frequency: f64,
    format: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = measure(context, args)?;
    if args.json {
        return output::json(&report);
    }
    println!("{}", table(&report)?);
    if let Some(WrittenFile { output, bytes, .. }) = &report.written {
        println!("{output}: {}", output::bytes(*bytes));
    }
    Ok(())
}

fn measure(context: &Context, args: &Args) -> Result<Report> {
    let subject = Subject::new(context, &args.model, args.tokens, PagingArgs::default())?;
    let candidates = Candidates::round(context, &subject, &args.formats)?;
    let budget = args.budget.bytes(candidates.bytes_in_f16());
    let knapsack = Knapsack::default().allocate(candidates.demands(), budget)?;
    let percentile = PercentileRule::default().allocate(candidates.demands(), budget)?;
    let mut plans = vec![
        ("knapsack".to_owned(), knapsack.choices().to_vec()),
        ("percentile".to_owned(), percentile.choices().to_vec()),
    ];
    let Some((format, uniform)) = candidates.uniform(budget) else {
        bail!("no single format fits {}: allow more", output::bytes(budget))
    };
    plans.push((format!("uniform {format}"), uniform));
    let rules = plans.into_iter().map(|(rule, choices)| {
        let (ppl_ratio, kld_mean) = subject.compare(&candidates.applied(&subject, &choices)?)?;
        let (bytes, cost) = candidates.spent(&choices);
        Ok(RuleReport { rule, bytes, cost, ppl_ratio, kld_mean, formats: candidates.count(&choices) })
    });
    let rules = rules.collect::<Result<_>>()?;
    let planned = candidates.applied(&subject, knapsack.choices())?;
    let size = subject.trace.size();
    Ok(Report {
        layers: size.layers(),
        experts: size.experts(),
        tokens: subject.trace.tokens(),
        budget_bytes: budget,
        rules,
        plan: candidates.planned(knapsack.choices(), size.experts()),
        written: args
            .output
            .as_deref()
            .map(|path| write(context, &args.model, &planned, path))
            .transpose()?,
    })
}

/// Writes the model with the experts planned.
fn write(context: &Context, model: &ModelRef, planned: &Overlay<'_>, output: &Path) -> Result<WrittenFile> {
    let sha256 = model.sha256()?;
    let infos = planned.tensors().to_vec();
    let target = Rewritten { infos, metadata: metadata_of(planned), source_sha256: Some(&sha256), output };
    let tensor = |index: usize| Ok(planned.tensor(&planned.tensors()[index].name)?);
    let written = rewrite::write(context, "write", target, tensor)?;
    Ok(WrittenFile {
        output: output.display().to_string(),
        bytes: written.bytes,
        config_sha256: written.config_sha256,
    })
}

fn table(report: &Report) -> Result<Table> {
    let columns = [
        Column::text("rule"),
        Column::number("MB", 3),
        Column::number("cost", 4),
        Column::number("perplexity (%)", 2),
        Column::number("KLD", 4),
        Column::text("formats"),
    ];
    let title = format!(
        "{} layers of {} experts, {} tokens, budget {}",
        report.layers,
        report.experts,
        report.tokens,
        output::bytes(report.budget_bytes)
    );
    let mut table = Table::new(title, columns);
    for rule in &report.rules {
        let formats: Vec<String> =
            rule.formats.iter().map(|(name, count)| format!("{count} {name}")).collect();
        table.push([
            rule.rule.as_str().into(),
            (rule.bytes as f64 / 1e6).into(),
            rule.cost.into(),
            (100.0 * (rule.ppl_ratio - 1.0)).into(),
            rule.kld_mean.into(),
            formats.join(", ").into(),
        ])?;
    }
    Ok(table)
}
