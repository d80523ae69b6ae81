"""Makes the models that fuzzing starts from: sound, with everything that a model can have, and as small as can be, because
an execution takes as long as its input. Needs nothing but Python.
"""

import json
import struct
from pathlib import Path

HERE = Path(__file__).parent
ROWS, WIDTH = 12, 4
VOCABULARY = ["<s>", "</s>", "<unk>", "a", "b", "Ġ", "ab", "Ġa", "1", "2", "12"]
MERGES = [["a", "b"], ["Ġ", "a"], ["1", "2"]]

CONFIG = {
    "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 1,
    "num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": ROWS, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "max_position_embeddings": 16, "tie_word_embeddings": True, "bos_token_id": 0,
    "eos_token_id": [1], "hidden_act": "silu",
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 8},
}

BYTE_LEVEL = {
    "added_tokens": [{"id": i, "content": t, "special": True, "single_word": False, "lstrip": False,
                      "rstrip": False, "normalized": False} for i, t in enumerate(VOCABULARY[:2])],
    "normalizer": None,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
    "post_processor": {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": False, "ignore_merges": False,
              "vocab": {t: i for i, t in enumerate(VOCABULARY)}, "merges": MERGES},
}


def safetensors():
    block = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [ROWS, WIDTH], "model.norm.weight": [WIDTH]}
    shapes |= {f"{block}self_attn.{k}_proj.weight": [WIDTH, WIDTH] for k in "qkvo"}
    shapes |= {f"{block}mlp.{k}_proj.weight": [WIDTH, WIDTH] for k in ("gate", "up", "down")}
    shapes |= {f"{block}{k}_layernorm.weight": [WIDTH] for k in ("input", "post_attention")}
    header, data = {}, b""
    for n, (name, shape) in enumerate(shapes.items()):
        dtype, size = [("BF16", 2), ("F16", 2), ("F32", 4)][n % 3]
        bytes_ = bytes(size * shape[0] * (shape[1] if len(shape) > 1 else 1))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    """A GGUF value: its type, then itself."""
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    kind, pack = {str: (8, string), int: (5, lambda x: struct.pack("<i", x)),
                  float: (6, lambda x: struct.pack("<f", x))}[type(v[0])]
    return struct.pack("<IIQ", 9, kind, len(v)) + b"".join(map(pack, v))


def gguf(tokenizer):
    metadata = {"general.architecture": "llama", "llama.block_count": 1, "llama.embedding_length": 32,
                "llama.feed_forward_length": 32, "llama.attention.head_count": 1, "llama.context_length": 16,
                "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": 32,
                "tokenizer.ggml.tokens": VOCABULARY, "tokenizer.ggml.bos_token_id": 0,
                "tokenizer.ggml.token_type": [3, 3, 2] + [1] * (len(VOCABULARY) - 3),
                "tokenizer.ggml.eos_token_id": 1} | tokenizer
    # F32, F16, Q4_1 and Q8_0, two rows of 32.
    tensors = [("output_norm.weight", 0, [32], 128), ("token_embd.weight", 1, [32, 2], 128),
               ("blk.0.attn_q.weight", 3, [32, 2], 40), ("blk.0.attn_k.weight", 8, [32, 2], 68)]
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    header += b"".join(string(key) + value(v) for key, v in metadata.items())
    offset, data = 0, b""
    for name, kind, dims, size in tensors:
        header += string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
        data += bytes(size) + bytes(-size % 32)
        offset = len(data)
    return header + bytes(-len(header) % 32) + data


def write(target, name, content):
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


sentence_piece = json.loads(json.dumps(BYTE_LEVEL).replace("\\u0120", "▁"))
sentence_piece |= {"decoder": {"type": "ByteFallback"}, "pre_tokenizer": None, "normalizer": {
    "type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}}
sentence_piece["model"]["byte_fallback"] = True
write("model_config", "llama.json", json.dumps(CONFIG).encode())
write("tokenizer_json", "byte-level.json", json.dumps(BYTE_LEVEL).encode())
write("tokenizer_json", "sentence-piece.json", json.dumps(sentence_piece).encode())
write("safetensors", "llama.safetensors", safetensors())
write("gguf", "gpt2.gguf", gguf({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
                                 "tokenizer.ggml.merges": [" ".join(pair) for pair in MERGES]}))
write("gguf", "llama.gguf", gguf({"tokenizer.ggml.model": "llama",
                                  "tokenizer.ggml.scores": [0.0] * 3 + [-float(i) for i in range(8)]}))
