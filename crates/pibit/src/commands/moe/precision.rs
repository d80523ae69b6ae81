//! `pibit moe precision`: a format for each expert.

mod candidates;
mod rounded;

use super::subject::Subject;
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use candidates::Candidates;
use moe_routing::MemoryBudget;
use moe_routing::precision::{ExpertPrecisionAllocator, Knapsack, PercentileRule};
use observability::{Column, Table};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(clap::Args)]
#[command(after_help = "\
The model reads held-out text of the built-in corpus; how often each expert is used, and how much each format changes its
weights, decide. Three ways to spend the budget are then measured by running the model with its experts rounded:
`knapsack` costs least by frequency and error, `percentile` gives 4, 3 and 2 bits by rank of use, `uniform` is the best
single format that fits. The embedding and all else stay as they are. Nothing is written: in a GGUF file all experts of a
layer share a format.

Example: pibit moe precision tiny-moe --budget 25% --json")]
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
    Ok(())
}

fn measure(context: &Context, args: &Args) -> Result<Report> {
    let subject = Subject::new(context, &args.model, args.tokens)?;
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
    let size = subject.trace.size();
    Ok(Report {
        layers: size.layers(),
        experts: size.experts(),
        tokens: subject.trace.tokens(),
        budget_bytes: budget,
        rules: rules.collect::<Result<_>>()?,
        plan: candidates.planned(knapsack.choices(), size.experts()),
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
