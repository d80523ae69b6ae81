//! `pibit moe simulate`: what caches would have done.

mod page;
mod sweep;
mod use_by_domain;

use super::subject::{Measured, Subject};
use crate::context::Context;
use crate::experts::PagingArgs;
use crate::global::Trace;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Context as _, Result, bail};
use clap::builder::{PathBufValueParser, TypedValueParser};
use moe_routing::routing::{Preference, RouterOptions};
use moe_routing::simulate::{Contender, SimulationOptions, SimulationReport, StorageModel, simulate};
use moe_routing::trace::{RoutingTrace, read_trace};
use moe_routing::{MemoryBudget, SyntheticTrace};
use observability::{Cell, Column, Table};
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;
use sweep::SweepPoint;
use use_by_domain::Specialization;

#[derive(clap::Args)]
#[command(after_help = "\
All policies but memory-aware route as the model does; belady knows the future and is their bound. memory-aware adds
λ·Δ to the logits of experts in memory (Cache-Prior) and keeps the token's best. Times follow a simple model: computing
is bound by memory of 20 GB/s, nothing is loaded ahead.

Example: pibit moe simulate --synthetic mixtral --budget 25% --json")]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Memory for experts: bytes, such as 256MB, or a share of all experts, such as 25%
    #[arg(long)]
    budget: MemoryBudget,
    /// Which policies: lru, lfu, arc, least-stale, affinity, memory-aware, belady [default: all but affinity]
    #[arg(long, value_delimiter = ',')]
    policy: Vec<Contender>,
    /// λ of memory-aware: 0 is the model's routing, 1 lets nearly any expert in memory in
    #[arg(long, default_value_t = 0.5)]
    lambda: f32,
    /// J of memory-aware: so many of a token's best experts are always chosen
    #[arg(long, default_value_t = 1)]
    always_kept: usize,
    /// Bytes per second that storage delivers
    #[arg(long, default_value = "2GB")]
    bandwidth: MemoryBudget,
    /// Microseconds before storage delivers
    #[arg(long, default_value_t = 100)]
    latency: u64,
    #[command(flatten)]
    paging: PagingArgs,
    /// With --model: also measure memory-aware routing for a range of λ and J
    #[arg(long, requires = "model")]
    sweep: bool,
    /// Write the table, hits over time and, with a model, what they cost as an HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Source {
    #[command(flatten)]
    which: Which,
    /// Tokens of a synthetic trace, or of the text that a model reads
    #[arg(long, default_value_t = 1000)]
    tokens: usize,
    /// Seed of a synthetic trace
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// A recorded trace
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().map(Trace::From))]
    trace: Option<Trace>,
    /// A trace made up after published figures
    #[arg(long, value_name = "NAME")]
    synthetic: Option<Synthetic>,
    /// A model that is run
    #[arg(long)]
    model: Option<ModelRef>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Synthetic {
    /// Shaped like Mixtral 8x7B
    Mixtral,
}

#[derive(Serialize)]
struct Report {
    layers: usize,
    experts: usize,
    top_k: usize,
    tokens: usize,
    expert_bytes: u64,
    budget_bytes: u64,
    lambda: f32,
    always_kept: usize,
    policies: Vec<Row>,
    /// With a model and --sweep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sweep: Vec<SweepPoint>,
    /// Where the trace knows domains: who uses which experts.
    domains: Specialization,
}

#[derive(Serialize)]
struct Row {
    policy: &'static str,
    hit_rate: f64,
    /// A trace knows no text: only with a model.
    ppl_ratio: Option<f64>,
    kld_mean: Option<f64>,
    tokens_per_s: f64,
    p99_token_ms: f64,
    bytes_per_token: f64,
    gate_mass: f64,
    /// Tokens per second on this machine; only with a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_tokens_per_s: Option<f64>,
    /// The 99th percentile of a token's time on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_p99_token_ms: Option<f64>,
    /// What was loaded ahead, and low copies.
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<PagingReport>,
    /// Hits among uses of each token: for the page.
    #[serde(skip)]
    token_hit_rates: Vec<f64>,
}

/// How experts came, with a model.
#[derive(Serialize)]
struct PagingReport {
    loads: u64,
    prefetches: u64,
    prefetches_used: u64,
    low_uses: u64,
    skipped: u64,
}

/// The 99th percentile, in milliseconds.
fn p99_ms(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(0.0, |seconds| seconds * 1e3)
}

impl Row {
    fn measured(policy: &'static str, found: &Measured) -> Self {
        let (seconds, stats, stand_ins) = (&found.seconds, found.stats, found.stand_ins);
        Self {
            policy,
            hit_rate: found.hit_rate,
            ppl_ratio: Some(found.ppl_ratio),
            kld_mean: Some(found.kld_mean),
            tokens_per_s: seconds.len() as f64 / seconds.iter().sum::<f64>().max(1e-12),
            p99_token_ms: p99_ms(seconds),
            bytes_per_token: found.bytes_per_token,
            gate_mass: found.gate_mass,
            wall_tokens_per_s: Some(found.wall_tokens_per_s),
            wall_p99_token_ms: Some(p99_ms(&found.wall_seconds)),
            paging: Some(PagingReport {
                loads: stats.loads,
                prefetches: stats.prefetches,
                prefetches_used: stats.prefetches_used,
                low_uses: stand_ins.low,
                skipped: stand_ins.skipped,
            }),
            token_hit_rates: found.token_hit_rates.clone(),
        }
    }
}

impl From<SimulationReport> for Row {
    fn from(report: SimulationReport) -> Self {
        Self {
            policy: report.contender.name(),
            hit_rate: report.hit_rate(),
            ppl_ratio: None,
            kld_mean: None,
            tokens_per_s: report.tokens_per_s,
            p99_token_ms: report.p99_token_ms,
            bytes_per_token: report.bytes_per_token,
            gate_mass: report.gate_mass,
            wall_tokens_per_s: None,
            wall_p99_token_ms: None,
            paging: None,
            token_hit_rates: report.token_hit_rates,
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = match &args.source.which.model {
        Some(model) => {
            let subject = Subject::new(context, model, args.source.tokens, args.paging.clone())?;
            compare(args, &subject.trace, Some(&subject))?
        }
        None if args.paging.asked() => {
            bail!("only a model that is run loads ahead or has low copies: give --model")
        }
        None => compare(args, &trace(&args.source)?, None)?,
    };
    if let Some(path) = &args.report {
        page::write(&report, path)?;
    }
    if args.json {
        return output::json(&report);
    }
    print!("{}", table(&report)?);
    Ok(())
}

fn trace(source: &Source) -> Result<RoutingTrace> {
    let Source { which, tokens, seed } = source;
    match which {
        Which { trace: Some(Trace::From(path)), .. } => {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            read_trace(BufReader::new(file)).with_context(|| path.display().to_string())
        }
        Which { synthetic: Some(Synthetic::Mixtral), .. } => {
            Ok(SyntheticTrace::mixtral(*tokens, *seed).generate()?)
        }
        Which { .. } => bail!("give --trace, --synthetic or --model"),
    }
}

fn compare(args: &Args, trace: &RoutingTrace, subject: Option<&Subject<'_>>) -> Result<Report> {
    let (header, gating) = (trace.header(), trace.header().gating());
    if trace.tokens() == 0 {
        bail!("the trace has no tokens");
    }
    let budget = args.budget.bytes(header.total_bytes());
    let preference = Preference::CachePrior { lambda: args.lambda };
    let token_bytes = header.expert_bytes() * (header.layers() * gating.top_k()) as u64;
    let MemoryBudget::Bytes(bandwidth) = args.bandwidth else { bail!("--bandwidth is bytes, such as 2GB") };
    let storage = StorageModel {
        bandwidth: bandwidth as f64,
        latency: Duration::from_micros(args.latency),
        ..StorageModel::nvme(token_bytes)
    };
    let router = RouterOptions::default().with_preference(preference).with_always_kept(args.always_kept);
    let options = SimulationOptions { budget, storage, router };
    let policies = contenders(args).into_iter().map(|contender| match subject {
        // The oracle cannot run: it is told the model's own routes, which change nothing.
        Some(_) if contender == Contender::Belady => {
            let row = Row::from(simulate(trace, contender, &options)?);
            Ok(Row { ppl_ratio: Some(1.0), kld_mean: Some(0.0), ..row })
        }
        Some(subject) => {
            let preference = [args.lambda, args.always_kept as f32];
            let found = subject.measure(contender, budget, preference, &storage)?;
            Ok(Row::measured(contender.name(), &found))
        }
        None => Ok(simulate(trace, contender, &options)?.into()),
    });
    Ok(Report {
        layers: header.layers(),
        experts: gating.experts(),
        top_k: gating.top_k(),
        tokens: trace.tokens(),
        expert_bytes: header.expert_bytes(),
        budget_bytes: budget,
        lambda: args.lambda,
        always_kept: args.always_kept,
        policies: policies.collect::<Result<_>>()?,
        sweep: match subject.filter(|_| args.sweep) {
            Some(subject) => sweep::sweep(subject, budget, &storage)?,
            None => Vec::new(),
        },
        domains: Specialization::of(trace),
    })
}

fn contenders(args: &Args) -> Vec<Contender> {
    if !args.policy.is_empty() {
        return args.policy.clone();
    }
    Contender::ALL.into_iter().filter(|contender| contender.name() != "affinity").collect()
}

fn table(report: &Report) -> Result<Table> {
    let columns = [
        Column::text("policy"),
        Column::number("hits (%)", 1),
        Column::number("tokens/s", 3),
        Column::number("p99 (ms)", 0),
        Column::number("MB/token", 1),
        Column::number("gate mass (%)", 1),
        Column::number("perplexity (%)", 2),
        Column::number("KLD", 4),
    ];
    let Report { tokens, layers, top_k, experts, .. } = report;
    let title = format!(
        "{tokens} tokens, {layers} layers, {top_k} of {experts} experts of {}, budget {}",
        output::bytes(report.expert_bytes),
        output::bytes(report.budget_bytes)
    );
    let mut table = Table::new(title, columns);
    for row in &report.policies {
        let cells: [Cell; 8] = [
            row.policy.into(),
            (100.0 * row.hit_rate).into(),
            row.tokens_per_s.into(),
            row.p99_token_ms.into(),
            (row.bytes_per_token / 1e6).into(),
            (100.0 * row.gate_mass).into(),
            row.ppl_ratio.map(|ratio| 100.0 * (ratio - 1.0)).into(),
            row.kld_mean.into(),
        ];
        table.push(cells)?;
    }
    Ok(table)
}
