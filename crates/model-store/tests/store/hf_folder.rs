//! A Hugging Face folder is the GGUF that llama.cpp's converter would make of it.

use crate::support::{catalogue, golden};
use domain_types::testing::tensor_source_conformance;
use domain_types::{Bytes, FormatCatalogue, RopeScaling, TensorSource, Tokenizer, scalar};
use model_store::{GgufFile, GgufWriter, HfFolder, StoreError, load_tokenizer, open_model};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn copy_of_llama() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden("llama")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn files_in_memory_are_the_same_model() {
    let open = HfFolder::open(golden("llama")).unwrap();
    let files = fs::read_dir(golden("llama")).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: BTreeMap<String, Bytes> =
        files.map(|path| (name(&path), fs::read(&path).unwrap().into())).collect();
    let read = HfFolder::from_files(&files).unwrap();
    assert_eq!(read.tensors(), open.tensors());
    let but_name = |model: &HfFolder| {
        let mut metadata = model.metadata().clone();
        metadata.remove("general.name");
        metadata
    };
    assert_eq!(but_name(&read), but_name(&open));
    for info in open.tensors() {
        let [a, b] = [&read, &open].map(|model| model.tensor(&info.name).unwrap());
        assert_eq!(a.bytes(), b.bytes(), "{}", info.name);
    }
    files.remove("model-00002-of-00002.safetensors");
    let missing = HfFolder::from_files(&files).unwrap_err().to_string();
    assert!(missing.contains("model-00002-of-00002.safetensors"), "{missing}");
}

/// What fuzzing starts from must be sound: from refused files it finds little.
#[test]
fn seeds_of_fuzzing_are_sound() {
    let seeds = Path::new("fuzz/seeds");
    if !seeds.exists() {
        println!("skipped: the seeds are not part of the package");
        return;
    }
    let read = |name: &str| Bytes::from(fs::read(seeds.join(name)).unwrap());
    for tokenizer in ["byte-level", "sentence-piece"] {
        let files = BTreeMap::from([
            ("config.json".into(), read("model_config/llama.json")),
            ("model.safetensors".into(), read("safetensors/llama.safetensors")),
            ("tokenizer.json".into(), read(&format!("tokenizer_json/{tokenizer}.json"))),
        ]);
        let model = HfFolder::from_files(&files).unwrap();
        assert!(model.spec().unwrap().tied_embeddings);
        load_tokenizer(&model).unwrap();
    }
    for name in ["gguf/gpt2.gguf", "gguf/llama.gguf"] {
        let model = GgufFile::from_bytes(read(name), &catalogue()).unwrap();
        assert_eq!(model.tensors().len(), 4);
        load_tokenizer(&model).unwrap();
    }
}

#[test]
fn it_is_a_source_like_any_other() {
    let folder = HfFolder::open(golden("llama")).unwrap();
    tensor_source_conformance(&folder);
    let spec = folder.spec().unwrap();
    assert_eq!((spec.architecture.as_str(), spec.layers, spec.width, spec.vocab_size), ("llama", 2, 16, 304));
    assert_eq!((spec.attention.heads, spec.attention.kv_heads, spec.attention.head_dim), (4, 2, 4));
    assert!(spec.tied_embeddings && matches!(spec.rope.scaling, RopeScaling::Factors(ref f) if f.len() == 2));
}

#[test]
fn tensors_equal_the_converters() {
    let folder = HfFolder::open(golden("llama")).unwrap();
    let expected = GgufFile::open(golden("llama.gguf"), &catalogue()).unwrap();
    assert_eq!(folder.tensors().len(), expected.tensors().len());
    for info in expected.tensors() {
        let (ours, theirs) = (folder.tensor(&info.name).unwrap(), expected.tensor(&info.name).unwrap());
        assert_eq!((ours.format(), ours.shape()), (theirs.format(), theirs.shape()), "{}", info.name);
        assert_eq!(ours.bytes(), theirs.bytes(), "{}", info.name);
    }
}

#[test]
fn tensors_are_in_the_order_of_the_network() {
    let folder = HfFolder::open(golden("llama")).unwrap();
    let names: Vec<&str> = folder.tensors().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(&names[..3], ["rope_freqs.weight", "token_embd.weight", "blk.0.attn_k.weight"]);
    assert_eq!(names.last(), Some(&"output_norm.weight"));
}

#[test]
fn its_metadata_is_that_of_a_gguf_file() {
    let folder = HfFolder::open(golden("llama")).unwrap();
    let m = folder.metadata();
    assert_eq!((m.str("tokenizer.ggml.model"), m.str("tokenizer.ggml.pre")), (Some("gpt2"), Some("smollm")));
    let ids = ["bos", "eos", "eot", "padding"].map(|t| m.u64(&format!("tokenizer.ggml.{t}_token_id")));
    assert_eq!(ids, [Some(1), Some(2), Some(0), Some(2)]);
    assert_eq!(m.bool("tokenizer.ggml.add_bos_token"), Some(false));
    assert_eq!(m.str("tokenizer.chat_template"), Some("{{ messages[0]['content'] }}"));
    let tokens = m.get("tokenizer.ggml.tokens").and_then(|v| v.as_strings()).unwrap();
    assert_eq!((tokens.len(), tokens[2].as_str(), tokens[303].as_str()), (304, "<|im_end|>", "[PAD303]"));
    assert_eq!((m.f32("llama.rope.freq_base"), m.u64("general.file_type")), (Some(500_000.0), Some(32)));
}

/// transformers asks tokenizer.json, and nothing else, whether a text starts with BOS.
#[test]
fn tokenizer_json_alone_decides_on_bos() {
    let add_bos = |post_processor: &str, add_bos: bool| {
        let folder = copy_of_llama();
        let path = folder.path().join("tokenizer.json");
        let mut json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        json["post_processor"] = serde_json::from_str(post_processor).unwrap();
        fs::write(path, json.to_string()).unwrap();
        let path = folder.path().join("tokenizer_config.json");
        let mut json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        json["add_bos_token"] = add_bos.into();
        fs::write(path, json.to_string()).unwrap();
        HfFolder::open(folder.path())
            .map(|model| model.metadata().bool("tokenizer.ggml.add_bos_token").unwrap())
            .map_err(|e| e.to_string())
    };
    let starts = |tokens: &[&str]| {
        let mut pieces: Vec<_> =
            tokens.iter().map(|t| serde_json::json!({ "SpecialToken": { "id": t, "type_id": 0 } })).collect();
        pieces.push(serde_json::json!({ "Sequence": { "id": "A", "type_id": 0 } }));
        serde_json::json!({ "type": "TemplateProcessing", "single": pieces, "pair": [], "special_tokens": {} })
    };
    let steps = |steps: &[serde_json::Value]| {
        serde_json::json!({ "type": "Sequence", "processors": steps }).to_string()
    };
    let bytes = serde_json::json!({ "type": "ByteLevel" });
    for asked in [true, false] {
        assert_eq!(add_bos("null", asked), Ok(false));
        assert_eq!(add_bos(&bytes.to_string(), asked), Ok(false));
        assert_eq!(add_bos(&starts(&[]).to_string(), asked), Ok(false));
        assert_eq!(add_bos(&starts(&["<|im_start|>"]).to_string(), asked), Ok(true));
        assert_eq!(add_bos(&steps(&[bytes.clone(), starts(&["<|im_start|>"])]), asked), Ok(true));
    }
    let refused = |post_processor: &str| add_bos(post_processor, true).unwrap_err();
    assert!(refused(&starts(&["<|im_end|>"]).to_string()).contains("not the BOS"));
    assert!(refused(&starts(&["<|im_start|>", "<|im_end|>"]).to_string()).contains("tokens <|im_start|>"));
    assert!(refused(r#"{ "type": "BertProcessing" }"#).contains("BertProcessing"));
}

#[test]
fn every_end_token_is_kept() {
    let folder = copy_of_llama();
    fs::write(folder.path().join("generation_config.json"), r#"{ "eos_token_id": [7, 8, 9, 10, 11, 2] }"#)
        .unwrap();
    let tokenizer = load_tokenizer(&HfFolder::open(folder.path()).unwrap()).unwrap();
    for id in [7, 8, 9, 10, 11, 2] {
        assert!(tokenizer.eos().contains(&id), "{id}");
    }
}

#[test]
fn a_tokenizer_may_have_tokens_that_are_never_embedded() {
    let folder = copy_of_llama();
    let path = folder.path().join("tokenizer.json");
    let mut json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
    for id in vocab.len()..310 {
        vocab.insert(format!("<unused{id}>"), id.into());
    }
    fs::write(path, json.to_string()).unwrap();
    let model = HfFolder::open(folder.path()).unwrap();
    let tokens = model.metadata().get("tokenizer.ggml.tokens").and_then(|v| v.as_strings()).unwrap();
    assert_eq!(tokens.len(), 304, "one per row");
    assert_eq!(load_tokenizer(&model).unwrap().encode("hello", false).unwrap().len(), 1);
}

#[test]
fn written_out_it_is_the_same_model() {
    let folder = HfFolder::open(golden("llama")).unwrap();
    let mut writer =
        GgufWriter::in_memory(folder.metadata().clone(), folder.tensors().to_vec(), None).unwrap();
    for info in folder.tensors() {
        writer.push(&info.name, &folder.tensor(&info.name).unwrap()).unwrap();
    }
    let file = GgufFile::from_bytes(writer.finish().unwrap(), &FormatCatalogue::scalars()).unwrap();
    assert_eq!((file.tensors(), file.spec().unwrap()), (folder.tensors(), folder.spec().unwrap()));
    load_tokenizer(&file).unwrap();
}

#[test]
fn open_model_takes_files_and_folders() {
    assert_eq!(open_model(golden("llama"), &catalogue()).unwrap().tensors().len(), 21);
    assert_eq!(open_model(golden("llama.gguf"), &catalogue()).unwrap().tensors().len(), 21);
    assert!(matches!(open_model(golden("nothing"), &catalogue()), Err(StoreError::Io { .. })));
}

#[test]
fn one_file_without_an_index_is_enough() {
    let folder = copy_of_llama();
    let path = folder.path();
    // Only the embedding: a whole model is not needed to be read, only to be run.
    fs::remove_file(path.join("model.safetensors.index.json")).unwrap();
    let header = br#"{"model.embed_tokens.weight":{"dtype":"F16","shape":[304,1],"data_offsets":[0,608]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 608]].concat();
    fs::write(path.join("model.safetensors"), bytes).unwrap();
    let opened = HfFolder::open(path).unwrap();
    assert_eq!(opened.info("token_embd.weight").unwrap().format, scalar::F16);
}

#[test]
fn norms_of_gemma_gain_one() {
    let folder = copy_of_llama();
    edit(folder.path(), "config.json", r#""model_type": "llama""#, r#""model_type": "gemma3_text""#);
    edit(folder.path(), "config.json", r#""silu""#, r#""gelu_pytorch_tanh""#);
    edit(folder.path(), "config.json", r#""rope_type": "llama3""#, r#""rope_type": "default""#);
    let gemma = HfFolder::open(folder.path()).unwrap();
    let llama = GgufFile::open(golden("llama.gguf"), &catalogue()).unwrap();
    let values = |source: &dyn TensorSource| -> Vec<f32> {
        let bytes = source.tensor("output_norm.weight").unwrap();
        bytes.bytes().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    };
    let expected: Vec<f32> = values(&llama).iter().map(|x| x + 1.0).collect();
    assert_eq!(values(&gemma), expected);
    assert!(
        gemma.info("blk.0.post_attention_norm.weight").is_some() && gemma.info("rope_freqs.weight").is_none()
    );
}

#[test]
fn folders_that_cannot_be_used_say_why() {
    let cases = [
        ("config.json", r#""model_type": "llama""#, r#""model_type": "mamba""#, "mamba"),
        ("config.json", r#""hidden_act": "silu""#, r#""hidden_act": "relu""#, "relu"),
        ("config.json", r#""vocab_size""#, r#""num_local_experts": 8, "vocab_size""#, "mixture of experts"),
        ("config.json", r#""vocab_size""#, r#""quantization_config": {}, "vocab_size""#, "already quantized"),
        ("config.json", r#""num_attention_heads": 4"#, r#""num_attention_heads": 7"#, "no multiple of heads"),
        ("config.json", r#""llama3""#, r#""dynamic""#, "dynamic"),
        ("config.json", "{", "", "cannot be read"),
        ("model.safetensors.index.json", "model-00001-of", "../model-00001-of", "outside the folder"),
        ("model.safetensors.index.json", "model-00001-of", "gone-00001-of", "cannot open"),
        ("tokenizer.json", r#""BPE""#, r#""WordPiece""#, "WordPiece"),
        ("tokenizer.json", r#""id": 2"#, r#""id": 4000000000"#, "304 rows"),
    ];
    for (file, from, to, reason) in cases {
        let folder = copy_of_llama();
        edit(folder.path(), file, from, to);
        let error = HfFolder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(reason), "{to}: {error}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(HfFolder::open(empty.path()).unwrap_err().to_string().contains("config.json"));
}

/// The rule that a lone safetensors file breaks.
fn refused(bytes: &[u8]) -> String {
    let folder = copy_of_llama();
    fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    match HfFolder::open(folder.path()) {
        Err(StoreError::Safetensors { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn with_header(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn safetensors_of_unsound_size() {
    assert!(refused(b"short").contains("a header takes 8"));
    assert!(refused(&u64::MAX.to_le_bytes()).contains("a header of"));
    assert!(refused(&(9_u64 << 20).to_le_bytes()).contains("a header of"));
}

#[test]
fn safetensors_of_unsound_content() {
    let tensor = |dtype: &str, shape: &str, end: usize| {
        with_header(&format!(r#"{{"t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#), 16)
    };
    assert!(!refused(&with_header("not JSON", 0)).is_empty());
    assert!(refused(&tensor("F32", "[2,2]", 20)).contains("invalid"), "more bytes than the shape");
    assert!(refused(&tensor("F32", "[2]", 8)).contains("covered"), "bytes left over");
    assert!(!refused(&tensor("F32", "[18446744073709551615,2]", 16)).is_empty());
}

/// Both files of the model as one, with more in it.
fn in_one_file(extra: &[(&str, &str, &[usize], usize)], notes: &str) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    header.insert("__metadata__".into(), serde_json::from_str(notes).unwrap());
    for file in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        let bytes = fs::read(golden("llama").join(file)).unwrap();
        let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let tensors: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&bytes[8..start]).unwrap();
        for (name, mut info) in tensors.into_iter().filter(|(name, _)| name != "__metadata__") {
            let offsets = info["data_offsets"].as_array_mut().unwrap();
            for offset in offsets.iter_mut() {
                *offset = (offset.as_u64().unwrap() + data.len() as u64).into();
            }
            header.insert(name, info);
        }
        data.extend_from_slice(&bytes[start..]);
    }
    for (name, dtype, shape, bytes) in extra {
        let offsets = [data.len(), data.len() + bytes];
        header.insert(
            (*name).to_owned(),
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": offsets }),
        );
        data.resize(offsets[1], 0);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

fn with_one_file(extra: &[(&str, &str, &[usize], usize)], notes: &str) -> Result<HfFolder, StoreError> {
    let folder = copy_of_llama();
    fs::write(folder.path().join("model.safetensors"), in_one_file(extra, notes)).unwrap();
    for part in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        fs::remove_file(folder.path().join(part)).unwrap();
    }
    HfFolder::open(folder.path())
}

/// The index of the two files is still there: it is stale.
#[test]
fn what_nobody_reads_is_no_obstacle() {
    let expected = HfFolder::open(golden("llama")).unwrap();
    let extra: [(&str, &str, &[usize], usize); 7] = [
        ("model.layers.0.self_attn.bias", "BOOL", &[1, 1, 4, 4], 16),
        ("model.embed_positions.position_ids", "I64", &[1, 4], 32),
        ("model.num_batches_tracked", "I64", &[], 8),
        ("model.nothing", "F32", &[0, 4], 0),
        ("vision_tower.patch_embed.proj.weight", "F32", &[2, 1, 1, 2, 2], 32),
        ("vision_tower.scale", "F8_E4M3", &[4], 4),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "F64", &[2], 16),
    ];
    for notes in [r#"{ "format": "pt" }"#, r#"{ "total_size": 123, "nested": { "a": [1, null] } }"#] {
        let model = with_one_file(&extra, notes).unwrap();
        assert_eq!(model.tensors(), expected.tensors());
    }
}

#[test]
fn what_must_not_be_left_out_is_an_obstacle() {
    let refused =
        |extra: (&str, &str, &[usize], usize)| with_one_file(&[extra], "{}").unwrap_err().to_string();
    let sinks = refused(("model.layers.0.self_attn.sinks", "F32", &[4], 16));
    assert!(sinks.contains("no place"), "{sinks}");
    let scale = refused(("model.layers.0.mlp.down_proj.input_scale", "F32", &[], 4));
    assert!(scale.contains("input_scale"), "{scale}");
    let packed = refused(("model.layers.0.mlp.down_proj.qweight", "I32", &[4, 4], 64));
    assert!(packed.contains("already quantized"), "{packed}");
    let wrong = refused(("model.layers.0.self_attn.q_norm.weight", "F64", &[4], 32));
    assert!(wrong.contains("type F64") && !wrong.contains("fetch"), "{wrong}");
}

#[test]
fn parts_without_an_index_are_found_by_their_names() {
    let folder = copy_of_llama();
    fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    let expected = HfFolder::open(golden("llama")).unwrap();
    assert_eq!(HfFolder::open(folder.path()).unwrap().tensors(), expected.tensors());
    fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    let missing = HfFolder::open(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("model-00002-of-00002.safetensors"), "{missing}");
    fs::write(folder.path().join("model-00001-of-00003.safetensors"), b"").unwrap();
    let several = HfFolder::open(folder.path()).unwrap_err().to_string();
    assert!(several.contains("more than one model"), "{several}");
}
