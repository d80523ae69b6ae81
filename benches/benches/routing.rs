//! Routing a token in a layer, one thread: 2 of 16 experts and 8 of 64, a quarter of them resident.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain_types::{ExpertRouter, GateNorm, Gating};
use moe_routing::routing::{MemoryAwareRouter, Preference, RouterOptions, StandardRouter};
use std::hint::black_box;

const TOKENS: usize = 256;

fn routing(c: &mut Criterion) {
    let mut group = c.benchmark_group("routing");
    for (experts, top_k) in [(16, 2), (64, 8)] {
        let gating = Gating::new(experts, top_k, GateNorm::Chosen).expect("a possible choice");
        for (name, mut router) in routers(gating) {
            let logits = logits(experts);
            let resident: Vec<bool> = (0..experts).map(|e| e % 4 == 1).collect();
            let (mut chosen, mut token) = (Vec::with_capacity(top_k), 0);
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(name, experts), |b| {
                b.iter(|| {
                    token = (token + 1) % TOKENS;
                    let logits = &logits[token * experts..][..experts];
                    router.route(0, black_box(logits), &resident, &mut chosen).expect("finite logits");
                    black_box(&chosen);
                });
            });
        }
    }
}

fn routers(gating: Gating) -> [(&'static str, Box<dyn ExpertRouter>); 3] {
    let aware = |preference| {
        let options = RouterOptions::default().with_preference(preference).with_hysteresis(0.1);
        Box::new(MemoryAwareRouter::new(gating, 1, options).expect("options in range"))
    };
    let history = Preference::History { history: 0.5, residency: 0.5, decay: 0.95 };
    [
        ("standard", Box::new(StandardRouter::new(gating))),
        ("cache-prior", aware(Preference::CachePrior { lambda: 0.5 })),
        ("history", aware(history)),
    ]
}

fn logits(experts: usize) -> Vec<f32> {
    let shape = domain_types::Shape::matrix(TOKENS, experts).expect("not empty");
    benches::normal(7, &shape)
}

criterion_group!(benches, routing);
criterion_main!(benches);
