//! Decoding a token after 4,096 others, per format of the key–value cache: one layer with the attention of Mistral 7B
//! (32 heads, 8 of them for keys, of 128 dimensions) between matrices so small that attention is nearly all of it.

use benches::normal;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use domain_types::testing::MemorySource;
use domain_types::{
    Activation, AttentionSpec, LogitRows, ModelSpec, RopeScaling, RopeSpec, RopeStyle, Shape, TokenId,
    TokenModel,
};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};
use quant_core::{Activations, Codecs};
use std::time::{Duration, Instant};

const CONTEXT: usize = 4096;
/// Tokens decoded before the cache is filled anew.
const STEPS: usize = 256;
const BATCH: usize = 64;
const VOCABULARY: usize = 64;
const WIDTH: usize = 64;

fn attention(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("decode-after-{CONTEXT}"));
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for format in [KvFormat::F16, KvFormat::Q8, KvFormat::Q4, KvFormat::Q2, KvFormat::K4V2] {
        decode(&mut group, format);
    }
}

/// Filling the cache is left out of the time.
fn decode(group: &mut BenchmarkGroup<'_, WallTime>, format: KvFormat) {
    let options = LoadOptions::default().with_kv(KvOptions::new(format));
    let codecs = Codecs::new(Activations::Int8);
    let mut model = Transformer::load(&source(), &codecs, options).expect("a whole model loads");
    let mut logits = Vec::new();
    // Before the first sample, which says how many fit into the time.
    fill(&mut model, &mut logits);
    group.bench_function(BenchmarkId::from_parameter(format), |b| {
        b.iter_custom(|times| {
            let mut taken = Duration::ZERO;
            for step in 0..times {
                if !(CONTEXT..CONTEXT + STEPS).contains(&model.position()) {
                    fill(&mut model, &mut logits);
                }
                let start = Instant::now();
                model.forward(&[token(step as usize)], LogitRows::Last, &mut logits).expect("there is room");
                taken += start.elapsed();
            }
            taken
        });
    });
}

fn fill(model: &mut Transformer, logits: &mut Vec<f32>) {
    model.reset();
    for first in (0..CONTEXT).step_by(BATCH) {
        let tokens: [TokenId; BATCH] = std::array::from_fn(|i| token(first + i));
        model.forward(&tokens, LogitRows::None, logits).expect("there is room");
    }
}

/// Tokens in no order that repeats.
fn token(index: usize) -> TokenId {
    (index.wrapping_mul(0x9E37_79B9) >> 7) as TokenId % VOCABULARY as TokenId
}

fn source() -> MemorySource {
    let spec = spec();
    let (q, kv) = (spec.q_width(), spec.kv_width());
    let vectors = ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"];
    let matrices = [
        ("token_embd", VOCABULARY, WIDTH),
        ("blk.0.attn_q", q, WIDTH),
        ("blk.0.attn_k", kv, WIDTH),
        ("blk.0.attn_v", kv, WIDTH),
        ("blk.0.attn_output", WIDTH, q),
        ("blk.0.ffn_gate", WIDTH, WIDTH),
        ("blk.0.ffn_up", WIDTH, WIDTH),
        ("blk.0.ffn_down", WIDTH, WIDTH),
    ];
    let source = vectors.iter().fold(MemorySource::new(spec), |source, name| {
        source.with_f32(format!("{name}.weight"), &[WIDTH], &[1.0; WIDTH])
    });
    matrices.iter().zip(1..).fold(source, |source, (&(name, rows, row_len), seed)| {
        let shape = Shape::matrix(rows, row_len).expect("not empty");
        source.with_f32(format!("{name}.weight"), &[rows, row_len], &normal(seed, &shape))
    })
}

fn spec() -> ModelSpec {
    ModelSpec {
        architecture: "llama".into(),
        vocab_size: VOCABULARY,
        layers: 1,
        width: WIDTH,
        ffn_width: WIDTH,
        context_length: CONTEXT + STEPS,
        norm_eps: 1e-5,
        attention: AttentionSpec {
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            scale: 1.0 / 128_f32.sqrt(),
            qkv_bias: false,
            qk_norm: false,
            sliding_window: None,
        },
        rope: RopeSpec {
            base: 10_000.0,
            local_base: None,
            dims: 128,
            style: RopeStyle::HalfSplit,
            scaling: RopeScaling::None,
        },
        activation: Activation::Silu,
        post_norms: false,
        embedding_scale: 1.0,
        tied_embeddings: true,
        logit_softcap: None,
        rotation: None,
        experts: None,
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
