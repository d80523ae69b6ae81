//! Decoding allocates nothing, as the allocator counts. One test only: the whole process is counted.

#[path = "support/counting.rs"]
mod counting;
#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use counting::counted;
use domain_types::testing::DenseCodecs;
use domain_types::{LogitRows, ModelSpec, TokenModel};
use inference::{KvFormat, KvOptions, LoadOptions, Sampler, SamplerOptions, Transformer};

/// With rows of the embedding apart, which a tied head reads too.
fn load(spec: &ModelSpec, format: KvFormat) -> Transformer {
    let options = LoadOptions::default().with_kv(KvOptions::new(format));
    Transformer::load(&tiny::split_source(spec, &[1, 5]), &DenseCodecs, options).expect("a whole model loads")
}

/// Decodes tokens one by one until the context is full.
fn decode(model: &mut Transformer, logits: &mut Vec<f32>) {
    let mut sampler = Sampler::new(SamplerOptions::greedy()).expect("valid options");
    let mut token = 1;
    while model.position() < model.context_length() {
        model.forward(&[token], LogitRows::Last, logits).expect("fits");
        token = sampler.sample(logits).expect("finite logits");
    }
}

/// On a thread of the pool, because handing a call over to it allocates now and then.
#[test]
fn decoding_allocates_nothing_once_memory_has_grown() {
    #[cfg(feature = "parallel")]
    rayon::scope(|_| check());
    #[cfg(not(feature = "parallel"))]
    check();
}

fn check() {
    // The port of experts hands out a box per expert.
    for (name, golden) in tiny::golden().into_iter().filter(|(_, g)| g.spec.experts.is_none()) {
        for format in KvFormat::ALL {
            let (mut model, mut logits) = (load(&golden.spec, format), Vec::new());
            let first = counted(|| decode(&mut model, &mut logits));
            // Ten vectors a head, each doubling; far fewer than one allocation a token.
            let heads = golden.spec.layers * golden.spec.attention.kv_heads;
            assert!(first.allocations < 10 * 10 * heads + 100, "{name}, {format}: {}", first.allocations);
            model.reset();
            let again = counted(|| decode(&mut model, &mut logits));
            assert_eq!(again.allocations, 0, "{name}, {format}: in {} tokens", model.position());
        }
    }
}
