//! Networks run stage by stage: what linear layers read, against the network's definition written out.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, MemorySource};
use domain_types::{InputObserver, LogitRows, ModelSpec, TensorSource, TokenId, TokenModel};
use inference::{InferenceError, LoadOptions, Stage, StageStream, Transformer};
use std::collections::BTreeMap;

/// Keeps every input, by the names of the layers that share it.
#[derive(Debug, Default, PartialEq)]
struct Recorder {
    inputs: BTreeMap<String, (usize, Vec<f32>)>,
}

impl InputObserver for Recorder {
    fn observe(&mut self, tensors: &[&str], width: usize, rows: &[f32]) {
        let (known, all) = self.inputs.entry(tensors.join(" ")).or_insert((width, Vec::new()));
        assert_eq!(*known, width);
        all.extend_from_slice(rows);
    }
}

impl Recorder {
    fn rows(&self, tensors: &str) -> &[f32] {
        &self.inputs[tensors].1
    }
}

fn llama() -> ModelSpec {
    tiny::golden().remove("llama").expect("the case is there").spec
}

fn load(source: &MemorySource) -> Transformer {
    Transformer::load(source, &DenseCodecs, LoadOptions::default()).expect("a whole model loads")
}

/// A stream of a sound model.
fn stream<'a>(source: &MemorySource, chunks: &[Vec<TokenId>]) -> StageStream<'a> {
    StageStream::new(source, &DenseCodecs, chunks).expect("sound chunks")
}

/// Passes all stages; `recorder` sees what they read.
fn pass_all(stream: &mut StageStream<'_>, source: &MemorySource, recorder: &mut Recorder) {
    while stream.stage() != Stage::Head {
        stream.show(recorder);
        stream.pass(source).expect("a sound stage");
    }
    stream.show(recorder);
}

fn chunks() -> Vec<Vec<TokenId>> {
    vec![vec![3, 1, 4, 1, 5, 9, 2], vec![2, 7, 1, 8]]
}

/// Every row of `rows` times the transposed matrix `name`, in F64.
fn times(source: &MemorySource, name: &str, rows: &[f32]) -> Vec<f32> {
    let width = source.info(name).expect("listed").shape.row_len();
    let weights = vector(source, name);
    let dot =
        |row: &[f32], x: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>();
    rows.chunks_exact(width)
        .flat_map(|x| weights.chunks_exact(width).map(move |row| dot(row, x) as f32))
        .collect()
}

fn vector(source: &MemorySource, name: &str) -> Vec<f32> {
    let tensor = source.tensor(name).expect("listed");
    tensor.bytes().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn normed(source: &MemorySource, name: &str, eps: f32, rows: &[f32]) -> Vec<f32> {
    let weights = vector(source, name);
    let mut out = Vec::with_capacity(rows.len());
    for x in rows.chunks_exact(weights.len()) {
        let norm = (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32 + eps).sqrt();
        out.extend(x.iter().zip(&weights).map(|(x, w)| x / norm * w));
    }
    out
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

#[track_caller]
fn assert_close(actual: &[f32], expected: &[f32]) {
    assert_eq!(actual.len(), expected.len());
    let worst = actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "off by {worst}");
}

#[test]
fn inputs_are_those_of_the_definition() {
    let (spec, tokens) = (llama(), &chunks()[0]);
    let source = tiny::source(&spec);
    let mut seen = Recorder::default();
    pass_all(&mut stream(&source, std::slice::from_ref(tokens)), &source, &mut seen);

    let embedding = vector(&source, "token_embd.weight");
    let look_up = |&t: &TokenId| embedding[t as usize * spec.width..(t as usize + 1) * spec.width].to_vec();
    let mut hidden: Vec<f32> = tokens.iter().flat_map(look_up).collect();
    for layer in 0..spec.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let attention = [name("attn_q"), name("attn_k"), name("attn_v")].join(" ");
        let x = seen.rows(&attention);
        assert_close(x, &normed(&source, &name("attn_norm"), spec.norm_eps, &hidden));
        // The first token sees itself alone: each head mixes its own value.
        let (head, group) = (spec.attention.head_dim, spec.attention.heads / spec.attention.kv_heads);
        let value = times(&source, &name("attn_v"), &x[..spec.width]);
        let mixed: Vec<f32> = value.chunks_exact(head).flat_map(|v| v.repeat(group)).collect();
        let x = seen.rows(&name("attn_output"));
        // The cache keeps values in F16: 11 bits.
        assert!(
            x.iter().zip(&mixed).all(|(a, b)| (a - b).abs() <= b.abs() / 2048.0 + 1e-6),
            "{x:?} {mixed:?}"
        );
        hidden = sum(&hidden, &times(&source, &name("attn_output"), x));

        let x = seen.rows(&[name("ffn_gate"), name("ffn_up")].join(" "));
        assert_close(x, &normed(&source, &name("ffn_norm"), spec.norm_eps, &hidden));
        let (gate, up) = (times(&source, &name("ffn_gate"), x), times(&source, &name("ffn_up"), x));
        let product: Vec<f32> = gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
        let x = seen.rows(&name("ffn_down"));
        assert_close(x, &product);
        hidden = sum(&hidden, &times(&source, &name("ffn_down"), x));
    }
    let head = if spec.tied_embeddings { "token_embd.weight" } else { "output.weight" };
    assert_close(seen.rows(head), &normed(&source, "output_norm.weight", spec.norm_eps, &hidden));
    assert_eq!(seen.inputs.len(), 4 * spec.layers + 1, "{:?}", seen.inputs.keys());
}

#[test]
fn every_family_computes_what_the_whole_network_does() {
    for (name, golden) in tiny::golden().into_iter().filter(|(_, g)| g.spec.experts.is_none()) {
        let source = tiny::source(&golden.spec);
        let (mut model, mut logits, mut expected) = (load(&source), Vec::new(), Vec::new());
        let (mut stream, mut seen) = (stream(&source, &chunks()), Recorder::default());
        pass_all(&mut stream, &source, &mut seen);
        for (index, chunk) in chunks().iter().enumerate() {
            model.reset();
            model.forward(chunk, LogitRows::From(2), &mut expected).expect("fits");
            stream.logits(index, LogitRows::From(2), &mut logits).expect("all blocks are done");
            assert_eq!(logits, expected, "{name}, chunk {index}");
        }
        let head = if golden.spec.tied_embeddings { "token_embd.weight" } else { "output.weight" };
        assert!(seen.inputs.contains_key(head), "{name}");
    }
}

#[test]
fn chunks_longer_than_a_batch_attend_to_all_of_it() {
    let mut spec = llama();
    spec.context_length = 700;
    let source = tiny::source(&spec);
    let chunk: Vec<TokenId> = (0..700).map(|i| i * 11 % 40).collect();
    let mut stream = stream(&source, &[vec![1, 2, 3], chunk.clone()]);
    pass_all(&mut stream, &source, &mut Recorder::default());
    let (mut logits, mut expected) = (Vec::new(), Vec::new());
    stream.logits(1, LogitRows::Last, &mut logits).expect("all blocks are done");
    load(&source).forward(&chunk, LogitRows::Last, &mut expected).expect("fits");
    assert_eq!(logits, expected);
}

/// The source with these tensors halved.
fn halved(source: &MemorySource, spec: &ModelSpec, which: &str) -> MemorySource {
    source.tensors().iter().fold(MemorySource::new(spec.clone()), |halved, info| {
        let factor = if info.name.starts_with(which) { 0.5 } else { 1.0 };
        let values: Vec<f32> = vector(source, &info.name).iter().map(|x| x * factor).collect();
        halved.with_f32(&info.name, info.shape.dims(), &values)
    })
}

#[test]
fn a_stage_may_come_from_another_source() {
    let spec = llama();
    let source = tiny::source(&spec);
    let halved = halved(&source, &spec, "blk.0.ffn_gate");
    let mut stream = stream(&source, &chunks());
    for stage in [Stage::Attention(0), Stage::AttentionOutput(0)] {
        assert_eq!(stream.stage(), stage);
        stream.pass(&source).expect("a sound stage");
    }
    assert_eq!((stream.stage(), stream.tensors().len()), (Stage::FeedForward(0), 2));
    stream.pass(&halved).expect("a sound stage");
    stream.pass(&source).expect("a sound stage");

    let (mut seen, mut expected) = (Recorder::default(), Recorder::default());
    stream.show(&mut seen);
    let mut whole = self::stream(&halved, &chunks());
    pass_all(&mut whole, &halved, &mut expected);
    let next = "blk.1.attn_q.weight blk.1.attn_k.weight blk.1.attn_v.weight";
    assert_eq!(seen.inputs.keys().collect::<Vec<_>>(), [next]);
    assert_eq!(seen.rows(next), expected.rows(next));
}

#[test]
fn forks_go_their_own_way_and_merge() {
    let spec = llama();
    let source = tiny::source(&spec);
    let halved = halved(&source, &spec, "blk.0.attn_output");
    let mut start = stream(&source, &chunks());
    start.pass(&source).expect("a sound stage");
    let forks = [&source, &halved].map(|source| {
        let mut fork = start.fork();
        fork.pass(source).expect("a sound stage");
        fork
    });
    assert_eq!(start.stage(), Stage::AttentionOutput(0), "a fork moves alone");
    let mut merged = StageStream::merge(forks.into());
    pass_all(&mut merged, &source, &mut Recorder::default());
    for (at, source) in [&source, &halved].into_iter().enumerate() {
        let mut alone = stream(source, &chunks());
        pass_all(&mut alone, source, &mut Recorder::default());
        for chunk in 0..2 {
            let (mut logits, mut expected) = (Vec::new(), Vec::new());
            merged.logits(2 * at + chunk, LogitRows::From(0), &mut logits).expect("at the head");
            alone.logits(chunk, LogitRows::From(0), &mut expected).expect("at the head");
            assert_eq!(logits, expected, "fork {at}, chunk {chunk}");
        }
    }
}

#[test]
fn a_stream_goes_on_where_another_stopped() {
    let source = tiny::source(&llama());
    let mut first = stream(&source, &chunks());
    while first.stage() != Stage::Attention(1) {
        first.pass(&source).expect("a sound stage");
    }
    let mut second = stream(&source, &chunks());
    second.resume(&source, 1, first.hidden().to_vec()).expect("as it was");
    assert_eq!((second.stage(), second.inputs()), (first.stage(), first.inputs()));
    let refused = |layer, len| {
        let mut stream = stream(&source, &chunks());
        stream.resume(&source, layer, vec![0.0; len]).expect_err("must be refused").to_string()
    };
    assert!(refused(2, first.hidden().len()).contains("block 2 of 2"));
    assert!(refused(1, 3).contains("3 numbers for 11 tokens"));
}

#[test]
fn what_cannot_be_streamed_is_refused() {
    let source = tiny::source(&llama());
    let refusal = |chunks: &[Vec<TokenId>]| {
        StageStream::new(&source, &DenseCodecs, chunks).err().expect("must be refused").to_string()
    };
    assert!(refusal(&[]).contains("0 chunks"), "{}", refusal(&[]));
    assert!(refusal(&[vec![1], vec![]]).contains("chunks of 1 to 512 tokens"));
    assert!(refusal(&[vec![1; 513]]).contains("513 were given"), "{}", refusal(&[vec![1; 513]]));
    assert!(refusal(&[vec![40]]).contains("token 40 is outside the vocabulary"));

    let mut stream = stream(&source, &chunks());
    let early = stream.logits(0, LogitRows::Last, &mut Vec::new()).expect_err("blocks are left").to_string();
    assert!(early.contains("block 0 is next"), "{early}");
    pass_all(&mut stream, &source, &mut Recorder::default());
    let late = stream.pass(&source).expect_err("no block is left").to_string();
    assert!(late.contains("all 2 blocks have been passed"), "{late}");
    let extra = tiny::source(&llama()).with_f32("blk.0.attn_q.bias", &[64], &[0.0; 64]);
    let mut stream = self::stream(&extra, &chunks());
    let passed =
        (0..Stage::OF_A_BLOCK).try_for_each(|_| -> Result<(), InferenceError> { stream.pass(&extra) });
    let text = passed.expect_err("an unknown tensor").to_string();
    assert!(text.contains("blk.0.attn_q.bias has no place"), "{text}");
}
