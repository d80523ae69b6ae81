//! Hugging Face's tensor names in GGUF's words.

use super::family::Family;

/// What becomes of a tensor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is this tensor.
    Named(String),
    /// It is not part of the language model, or can be computed.
    Dropped,
    /// It is part of packed weights (GPTQ, AWQ).
    Packed,
    /// It must not be left out if it holds weights, and has no place.
    Unknown,
}

pub(super) fn fate(name: &str, family: Family) -> Fate {
    const DROPPED: [&str; 4] =
        ["vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."];
    if DROPPED.iter().any(|prefix| name.starts_with(prefix)) || name.ends_with("rotary_emb.inv_freq") {
        return Fate::Dropped;
    }
    let name = name.strip_prefix("language_model.").unwrap_or(name);
    let name = name.strip_prefix("model.").unwrap_or(name);
    let name = name.strip_prefix("language_model.").unwrap_or(name);
    match name {
        _ if [".qweight", ".qzeros", ".g_idx"].iter().any(|end| name.ends_with(end)) => Fate::Packed,
        "embed_tokens.weight" => Fate::Named("token_embd.weight".into()),
        "norm.weight" => Fate::Named("output_norm.weight".into()),
        "lm_head.weight" => Fate::Named("output.weight".into()),
        _ => in_block(name, family).map_or(Fate::Unknown, Fate::Named),
    }
}

fn in_block(name: &str, family: Family) -> Option<String> {
    let (layer, part) = name.strip_prefix("layers.")?.split_once('.')?;
    let layer: u16 = layer.parse().ok()?;
    let (module, kind) = part.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let gemma = family.gemma;
    let module = match module {
        "input_layernorm" => "attn_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "post_attention_layernorm" if gemma => "post_attention_norm",
        "pre_feedforward_layernorm" if gemma => "ffn_norm",
        "post_feedforward_layernorm" if gemma => "post_ffw_norm",
        "post_attention_layernorm" => "ffn_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        _ => return None,
    };
    Some(format!("blk.{layer}.{module}.{kind}"))
}

/// Orders tensors as a file is read: embedding, blocks, output.
pub(super) fn position(gguf_name: &str) -> (u32, String) {
    let block = gguf_name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
    let rank = match (gguf_name, block) {
        (_, Some((layer, _))) => layer.parse::<u32>().map_or(u32::MAX, |n| n + 1),
        ("output_norm.weight" | "output.weight", None) => u32::MAX,
        _ => 0,
    };
    (rank, gguf_name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(model_type: &str) -> Family {
        Family::of(model_type).expect("a known family")
    }

    #[test]
    fn names_are_those_of_llama_cpp() {
        let named = |name, family| match fate(name, family) {
            Fate::Named(gguf) => gguf,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(named("model.embed_tokens.weight", family("llama")), "token_embd.weight");
        assert_eq!(named("model.layers.7.mlp.down_proj.weight", family("qwen2")), "blk.7.ffn_down.weight");
        assert_eq!(named("model.layers.0.self_attn.q_proj.bias", family("qwen2")), "blk.0.attn_q.bias");
        assert_eq!(
            named("model.layers.0.post_attention_layernorm.weight", family("llama")),
            "blk.0.ffn_norm.weight"
        );
        let gemma = "language_model.model.layers.1.post_attention_layernorm.weight";
        assert_eq!(named(gemma, family("gemma3")), "blk.1.post_attention_norm.weight");
    }

    #[test]
    fn nothing_is_lost_silently() {
        assert_eq!(fate("model.layers.0.block_sparse_moe.gate.weight", family("llama")), Fate::Unknown);
        assert_eq!(fate("model.layers.0.self_attn.rotary_emb.inv_freq", family("llama")), Fate::Dropped);
    }
}
