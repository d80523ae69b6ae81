//! What the key–value cache takes, counted by the allocator. One test only: the whole process is counted.

#[path = "support/counting.rs"]
mod counting;
#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use counting::counted;
use domain_types::testing::DenseCodecs;
use domain_types::{LogitRows, ModelSpec, TokenModel};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};

const MIB: f64 = 1024.0 * 1024.0;

fn load(spec: &ModelSpec, format: KvFormat) -> Transformer {
    let options = LoadOptions::default().with_kv(KvOptions::new(format));
    Transformer::load(&tiny::source(spec), &DenseCodecs, options).expect("a whole model loads")
}

/// One layer of Mistral 7B's attention (8 key heads of 128 dimensions), all of its 4,096 positions: the design's bounds
/// for 32 such layers. `kv_cache/README.md` has the figures, also of shapes that exceed them.
#[test]
fn memory_of_4096_positions_is_within_the_promise() {
    let mut spec = tiny::golden().remove("llama").expect("the case is there").spec;
    (spec.layers, spec.context_length) = (1, 4096);
    (spec.attention.heads, spec.attention.kv_heads, spec.attention.head_dim) = (8, 8, 128);
    for (format, most) in [(KvFormat::Q4, 280.0), (KvFormat::Q2, 156.0)] {
        let mut model = load(&spec, format);
        let grown = counted(|| {
            let mut logits = Vec::new();
            for first in (0..4096).step_by(16) {
                let tokens: [u32; 16] = std::array::from_fn(|i| ((first + i) % 40) as u32);
                model.forward(&tokens, LogitRows::None, &mut logits).expect("fits");
            }
        });
        let (counted, own) = (grown.bytes as f64 / MIB, model.kv_bytes() as f64 / MIB);
        println!("{format}: {counted:.2} MiB counted, {own:.2} MiB by its own account");
        assert!(counted >= own && counted < own + 1.0, "{format}: {counted} counted, {own} accounted");
        assert!(32.0 * own <= most, "{format}: {} MiB for 32 layers", 32.0 * own);
    }
}
