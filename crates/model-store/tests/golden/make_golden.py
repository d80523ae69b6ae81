"""Makes the golden files of this crate's tests with gguf-py, numpy and the tokenizers package:

- sample.gguf: every metadata type and a few tensor types, written by gguf-py
- llama/: a Hugging Face folder of a tiny Llama model with a byte-level tokenizer; llama.gguf: the same as
  llama.cpp's converter would write it (q and k permuted with its formula, norms in F32)
- llama.tokens.json, spm.tokenizer.json, spm.gguf, spm.tokens.json: texts and their tokens

Run: python make_golden.py   (gguf 0.19, numpy, tokenizers 0.23)
"""

import json
import pathlib
import struct

import gguf
import numpy as np
from gguf.quants import quantize
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
TEXTS = [
    "Hello, world!", "  two  spaces\n\ttab", "12 + 345 = 357", "naïve café, 東京", "x=1;\nif y:\n    z",
    "It's they'll WE'VE", "   ", "a", "emoji 🙂 end", "<|im_end|> is text",
]
CORPUS = ["the cat sat on the mat and the dog sat on the log 12 345 = 357", "if x then y else z; it's they'll we've",
          "hello world, hello again, naive cafe two spaces and a tab"] * 20


def sample():
    w = gguf.GGUFWriter(HERE / "sample.gguf", "llama")
    for kind, value in [("uint8", 200), ("int8", -100), ("uint16", 60_000), ("int16", -30_000), ("uint32", 4_000_000_000),
                        ("int32", -2_000_000_000), ("uint64", 2**63), ("int64", -(2**62)), ("float32", 0.1),
                        ("float64", 0.1), ("bool", True), ("string", "naïve 東京")]:
        getattr(w, f"add_{kind}")(f"sample.{kind}", value)
    w.add_array("sample.strings", ["a", "", "東"])
    w.add_array("sample.ints", [1, -2, 3])
    w.add_array("sample.floats", [0.5, -1.5])
    w.add_array("sample.bools", [True, False])
    ramp = np.arange(3 * 64, dtype=np.float32).reshape(3, 64) / 64 - 1
    w.add_tensor("f32", ramp)
    w.add_tensor("f16", ramp.astype(np.float16))
    w.add_tensor("cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.BF16):
        w.add_tensor(kind.name.lower(), quantize(ramp, kind), raw_dtype=kind)
    finish(w)


def finish(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    t.train_from_iterator(CORPUS, trainer)
    return t


def sentence_piece():
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"]
    alphabet = list("abcdefghijklmnopqrstuvwxyz▁")
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    # Words one by one, so that no token spans two words, as SentencePiece trains.
    t.train_from_iterator([w for line in CORPUS for w in line.split()], trainer)
    d = json.loads(t.to_str())
    # Ids as in Llama 2: specials, 256 bytes, then pieces in the order of their scores.
    merged = ["".join(m) for m in d["model"]["merges"]]
    single = [p for p in d["model"]["vocab"] if p not in special and p not in merged]
    pieces = special + [f"<0x{b:02X}>" for b in range(256)] + list(dict.fromkeys(merged)) + single
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) - 259)]
    # The converter of the transformers package: every split of a piece into two pieces is a rule.
    ids = {p: i for i, p in enumerate(pieces)}
    rules = sorted(((scores[i], i, ids[p[:k]], ids[p[k:]], p[:k], p[k:]) for p, i in ids.items() if i >= 259
                    for k in range(1, len(p)) if ids.get(p[:k], 0) >= 259 and ids.get(p[k:], 0) >= 259),
                   key=lambda r: (-r[0],) + r[1:4])
    d["model"]["vocab"], d["model"]["merges"] = ids, [list(r[4:]) for r in rules]
    for token in d["added_tokens"]:
        token["id"] = ids[token["content"]]
    return Tokenizer.from_str(json.dumps(d)), pieces, scores


def tokens(tokenizer, name):
    tokenizer.encode_special_tokens = True
    cases = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in TEXTS]
    (HERE / name).write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def bf16(x):
    return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def permute(weights, n_head):
    """LlamaModel.permute of llama.cpp's converter."""
    return (weights.reshape(n_head, 2, weights.shape[0] // n_head // 2, *weights.shape[1:])
            .swapaxes(1, 2).reshape(weights.shape))


def llama():
    width, ffn, heads, kv, layers, rows = 16, 32, 4, 2, 2, 304
    rng = np.random.default_rng(1)
    folder = HERE / "llama"
    folder.mkdir(exist_ok=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": width,
              "intermediate_size": ffn, "num_attention_heads": heads, "num_key_value_heads": kv,
              "num_hidden_layers": layers, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
              "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                               "original_max_position_embeddings": 64},
              "tie_word_embeddings": True, "vocab_size": rows, "bos_token_id": 1, "eos_token_id": 2,
              "torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"}, "pad_token": "<|im_end|>",
         "chat_template": "{{ messages[0]['content'] }}"}, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 0]}) + "\n")
    t = byte_level()
    t.save(str(folder / "tokenizer.json"))
    tokens(t, "llama.tokens.json")

    shapes = {"model.embed_tokens": (rows, width), "model.norm": (width,), "lm_head": (rows, width)}
    for l in range(layers):
        p = f"model.layers.{l}."
        shapes |= {p + "self_attn.q_proj": (width, width), p + "self_attn.k_proj": (kv * 4, width),
                   p + "self_attn.v_proj": (kv * 4, width), p + "self_attn.o_proj": (width, width),
                   p + "mlp.gate_proj": (ffn, width), p + "mlp.up_proj": (ffn, width), p + "mlp.down_proj": (width, ffn),
                   p + "input_layernorm": (width,), p + "post_attention_layernorm": (width,)}
    weights = {name + ".weight": bf16(rng.standard_normal(shape) * 0.1) for name, shape in shapes.items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]  # tied, and stored all the same
    stored = {n: ("BF16", list(w.shape), w.tobytes()) for n, w in weights.items()}
    names = sorted(stored)
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    parts = [names[::2], names[1::2]]
    for file, part in zip(files, parts):
        safetensors(folder / file, {n: stored[n] for n in part})
    index = {"metadata": {}, "weight_map": {n: f for f, part in zip(files, parts) for n in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")

    w = gguf.GGUFWriter(HERE / "llama.gguf", "llama")
    w.add_block_count(layers)
    name_map = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layers)
    for name, data in weights.items():
        if name == "lm_head.weight":
            continue
        if name.endswith("q_proj.weight"):
            data = permute(data, heads)
        if name.endswith("k_proj.weight"):
            data = permute(data, kv)
        gguf_name = name_map.get_name(name, try_suffixes=(".weight",))
        if data.ndim == 1:
            w.add_tensor(gguf_name, (data.astype(np.uint32) << 16).view(np.float32))
        else:
            w.add_tensor(gguf_name, data.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    w.add_tensor("rope_freqs.weight", rope_factors(config, width // heads))
    finish(w)


def rope_factors(config, dim):
    """LlamaModel.generate_extra_tensors of llama.cpp's converter."""
    rope = config["rope_scaling"]
    freqs = 1.0 / (config["rope_theta"] ** (np.arange(0, dim, 2, dtype=np.float32) / dim))
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    factors = []
    for freq in freqs:
        wavelen = 2 * np.pi / freq
        if wavelen < old / high:
            factors.append(1)
        elif wavelen > old / low:
            factors.append(rope["factor"])
        else:
            smooth = (old / wavelen - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def spm():
    t, pieces, scores = sentence_piece()
    t.save(str(HERE / "spm.tokenizer.json"))
    tokens(t, "spm.tokens.json")
    w = gguf.GGUFWriter(HERE / "spm.gguf", "llama")
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list(pieces)
    w.add_token_scores(scores)
    w.add_token_types([2, 3, 3] + [6] * 256 + [1] * (len(pieces) - 259))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_tensor("token_embd.weight", np.zeros((len(pieces), 8), dtype=np.float32))
    finish(w)


sample()
llama()
spm()
