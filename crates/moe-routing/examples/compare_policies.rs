//! Compares all contenders on a trace shaped like Mixtral 8x7B, and memory-aware routing for several λ and J:
//! `cargo run --release -p moe-routing --example compare_policies`.

use moe_routing::routing::{Preference, RouterOptions};
use moe_routing::simulate::{Contender, SimulationOptions, StorageModel, simulate};
use moe_routing::trace::RoutingTrace;
use moe_routing::{MemoryBudget, MoeError, SyntheticTrace};

fn main() -> Result<(), MoeError> {
    let trace = SyntheticTrace::mixtral(1000, 1).generate()?;
    println!("| policy | hit rate | tokens/s | p99 ms | gate mass |\n|---|---|---|---|---|");
    for contender in Contender::ALL {
        row(&trace, contender, RouterOptions::default(), &contender)?;
    }
    for kept in [0, 1] {
        for lambda in [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0] {
            let router = RouterOptions::default()
                .with_preference(Preference::CachePrior { lambda })
                .with_always_kept(kept);
            row(&trace, Contender::MemoryAware, router, &format!("memory-aware, λ = {lambda}, J = {kept}"))?;
        }
    }
    Ok(())
}

fn row(
    trace: &RoutingTrace,
    contender: Contender,
    router: RouterOptions,
    name: &dyn std::fmt::Display,
) -> Result<(), MoeError> {
    let header = trace.header();
    let token_bytes = header.expert_bytes() * (header.layers() * header.gating().top_k()) as u64;
    let budget = MemoryBudget::Share(0.25).bytes(header.total_bytes());
    let options = SimulationOptions { budget, storage: StorageModel::nvme(token_bytes), router };
    let r = simulate(trace, contender, &options)?;
    let (hits, mass) = (100.0 * r.hit_rate(), 100.0 * r.gate_mass);
    println!("| {name} | {hits:.1}% | {:.3} | {:.0} | {mass:.1}% |", r.tokens_per_s, r.p99_token_ms);
    Ok(())
}
