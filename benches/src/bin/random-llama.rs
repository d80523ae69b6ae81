//! Writes a Llama model with random weights, for measurements of speed: `random-llama FILE [LAYERS]`.
//!
//! Width 2,048, feed-forward 5,632, 32 heads, 4 key-value heads, vocabulary 32,000: every row is a multiple of 256, so
//! that every format takes it. 8 layers are 484 M weights, 969 MB in F16. The vocabulary is made up, but complete enough
//! for llama.cpp to load it.

use domain_types::{MetaArray, MetaValue, Metadata, QuantTensor, Shape, TensorInfo, scalar};
use model_store::GgufWriter;
use quant_core::{QuantizeOptions, quantizer};
use std::error::Error;

const WIDTH: usize = 2048;
const FFN_WIDTH: usize = 5632;
const HEADS: usize = 32;
const KV_HEADS: usize = 4;
const HEAD_DIM: usize = WIDTH / HEADS;
const VOCAB: usize = 32_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("usage: random-llama FILE [LAYERS]")?;
    let layers: usize = args.next().map_or(Ok(8), |n| n.parse())?;
    let infos = tensors(layers)?;
    let mut writer = GgufWriter::create(file, metadata(layers), infos.clone(), None)?;
    for (seed, info) in (1..).zip(&infos) {
        writer.push(&info.name, &tensor(seed, info)?)?;
    }
    writer.finish()?;
    Ok(())
}

fn metadata(layers: usize) -> Metadata {
    let mut m = Metadata::new();
    m.set("general.architecture", "llama");
    m.set("general.file_type", 1_u32); // mostly F16
    let numbers = [
        ("context_length", 2048),
        ("embedding_length", WIDTH),
        ("block_count", layers),
        ("feed_forward_length", FFN_WIDTH),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", KV_HEADS),
        ("rope.dimension_count", HEAD_DIM),
        ("vocab_size", VOCAB),
    ];
    for (key, value) in numbers {
        m.set(format!("llama.{key}"), value as u32);
    }
    m.set("llama.attention.layer_norm_rms_epsilon", 1e-5_f32);
    vocabulary(&mut m);
    m
}

/// Three control tokens, the 256 bytes, and words `t0`, `t1`, …
fn vocabulary(m: &mut Metadata) {
    let control = ["<unk>", "<s>", "</s>"].map(String::from);
    let bytes = (0..256).map(|b| format!("<0x{b:02X}>"));
    let words = (0..).map(|i| format!("t{i}"));
    let tokens: Vec<String> = control.into_iter().chain(bytes).chain(words).take(VOCAB).collect();
    // llama.cpp's token types: 1 normal, 2 unknown, 3 control, 6 byte.
    let types = [2, 3, 3].into_iter().chain([6; 256]).chain(std::iter::repeat(1)).take(VOCAB);
    m.set("tokenizer.ggml.model", "llama");
    m.set("tokenizer.ggml.tokens", tokens);
    m.set("tokenizer.ggml.scores", MetaValue::Array(MetaArray::F32(vec![0.0; VOCAB])));
    m.set("tokenizer.ggml.token_type", MetaValue::Array(MetaArray::I32(types.collect())));
    m.set("tokenizer.ggml.bos_token_id", 1_u32);
    m.set("tokenizer.ggml.eos_token_id", 2_u32);
}

fn tensors(layers: usize) -> Result<Vec<TensorInfo>, Box<dyn Error>> {
    let matrix = |name: String, rows, row_len| -> Result<TensorInfo, Box<dyn Error>> {
        Ok(TensorInfo::new(name, scalar::F16, Shape::matrix(rows, row_len)?)?)
    };
    let norm = |name: String| -> Result<TensorInfo, Box<dyn Error>> {
        Ok(TensorInfo::new(name, scalar::F32, Shape::vector(WIDTH)?)?)
    };
    let mut all = vec![matrix("token_embd.weight".into(), VOCAB, WIDTH)?];
    for layer in 0..layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        all.push(norm(name("attn_norm"))?);
        all.push(norm(name("ffn_norm"))?);
        all.push(matrix(name("attn_q"), WIDTH, WIDTH)?);
        all.push(matrix(name("attn_k"), KV_HEADS * HEAD_DIM, WIDTH)?);
        all.push(matrix(name("attn_v"), KV_HEADS * HEAD_DIM, WIDTH)?);
        all.push(matrix(name("attn_output"), WIDTH, WIDTH)?);
        all.push(matrix(name("ffn_gate"), FFN_WIDTH, WIDTH)?);
        all.push(matrix(name("ffn_up"), FFN_WIDTH, WIDTH)?);
        all.push(matrix(name("ffn_down"), WIDTH, FFN_WIDTH)?);
    }
    all.push(norm("output_norm.weight".into())?);
    all.push(matrix("output.weight".into(), VOCAB, WIDTH)?);
    Ok(all)
}

/// Norms are one; matrices have variance 1/row length, so that activations keep their size.
fn tensor(seed: u64, info: &TensorInfo) -> Result<QuantTensor, Box<dyn Error>> {
    let ones = || vec![1.0; info.shape.elements()];
    let values = if info.is_matrix() { benches::normal(seed, &info.shape) } else { ones() };
    let request = domain_types::QuantizeRequest::new(&values, info.shape)?;
    Ok(quantizer(info.format.id(), &QuantizeOptions::default())?.quantize(&request)?)
}
