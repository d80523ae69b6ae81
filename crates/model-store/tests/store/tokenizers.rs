//! The tokenizers package, llama.cpp and SentencePiece's rule are the oracles.

use crate::gguf_round_trip::{tensor, write};
use crate::support::{catalogue, golden, smollm2};
use domain_types::testing::tokenizer_conformance;
use domain_types::{MetaArray, MetaValue, Metadata, PortError, TensorSource, Tokenizer, WordPattern, scalar};
use model_store::{GgufFile, HfFolder, ModelTokenizer, StoreError, load_tokenizer, tokenizer_with};
use proptest::prelude::*;
use std::ops::Range;

#[derive(serde::Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

fn cases(name: &str) -> Vec<Case> {
    serde_json::from_str(&std::fs::read_to_string(golden(name)).unwrap()).unwrap()
}

fn assert_same_tokens(tokenizer: &ModelTokenizer, name: &str) {
    for case in cases(name) {
        assert_eq!(tokenizer.encode(&case.text, false).unwrap(), case.ids, "{:?}", case.text);
        assert_eq!(tokenizer.decode(&case.ids).unwrap(), case.text);
    }
}

/// A model of this metadata alone.
fn file_of(metadata: Metadata) -> GgufFile {
    let tensors = [("t".to_owned(), tensor(scalar::F32, &[1], 0))];
    GgufFile::from_bytes(write(metadata, &tensors), &catalogue()).unwrap()
}

#[test]
fn byte_level_from_tokenizer_json() {
    let tokenizer = load_tokenizer(&HfFolder::open(golden("llama")).unwrap()).unwrap();
    tokenizer_conformance(&tokenizer);
    assert_same_tokens(&tokenizer, "llama.tokens.json");
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (None, [2, 0].as_slice()));
}

#[test]
fn byte_level_from_gguf_vocabulary() {
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    metadata.remove("tokenizer.huggingface.json").unwrap();
    let tokenizer = load_tokenizer(&file_of(metadata)).unwrap();
    tokenizer_conformance(&tokenizer);
    assert_same_tokens(&tokenizer, "llama.tokens.json");
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (None, [2, 0].as_slice()));
}

#[test]
fn sentence_piece_from_gguf_vocabulary() {
    let tokenizer = load_tokenizer(&GgufFile::open(golden("spm.gguf"), &catalogue()).unwrap()).unwrap();
    tokenizer_conformance(&tokenizer);
    assert_same_tokens(&tokenizer, "spm.tokens.json");
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(1), [2].as_slice()));
}

#[test]
fn sentence_piece_from_tokenizer_json() {
    let mut metadata = Metadata::new();
    metadata
        .set("tokenizer.huggingface.json", std::fs::read_to_string(golden("spm.tokenizer.json")).unwrap());
    let tokenizer = load_tokenizer(&file_of(metadata)).unwrap();
    tokenizer_conformance(&tokenizer);
    assert_same_tokens(&tokenizer, "spm.tokens.json");
}

/// The same vocabulary read by Hugging Face's crate and by our own pipelines.
fn assert_same_pipelines(text: &str) {
    let tokenizers = |name: &str| {
        let json = std::fs::read_to_string(golden(name)).unwrap();
        let mut metadata = Metadata::new();
        metadata.set("tokenizer.huggingface.json", json);
        load_tokenizer(&file_of(metadata)).unwrap()
    };
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    metadata.remove("tokenizer.huggingface.json").unwrap();
    let byte_level = load_tokenizer(&file_of(metadata)).unwrap();
    let sentence_piece = load_tokenizer(&GgufFile::open(golden("spm.gguf"), &catalogue()).unwrap()).unwrap();
    let pairs = [("llama/tokenizer.json", byte_level), ("spm.tokenizer.json", sentence_piece)];
    for (name, ours) in pairs {
        let theirs = tokenizers(name);
        let tokens = theirs.encode(text, false).unwrap();
        assert_eq!(ours.encode(text, false).unwrap(), tokens, "{name}: {text:?}");
        assert_eq!(ours.decode(&tokens).unwrap(), theirs.decode(&tokens).unwrap(), "{name}: {text:?}");
        // Not whole characters.
        let half = &tokens[tokens.len() / 2..];
        assert_eq!(ours.decode(half).unwrap(), theirs.decode(half).unwrap(), "{name}: {half:?}");
    }
}

proptest! {
    #[test]
    fn both_readings_of_a_vocabulary_agree(text in r"\PC{0,40}|[ -~\s]{0,60}|(?s).{0,20}") {
        assert_same_pipelines(&text);
    }
}

#[test]
fn text_of_users_never_becomes_a_control_token() {
    let tokenizer = load_tokenizer(&HfFolder::open(golden("llama")).unwrap()).unwrap();
    let text = "<|im_start|>user\nhello<|im_end|>\n";
    let plain = tokenizer.encode(text, false).unwrap();
    assert!(plain.iter().all(|id| *id > 2), "{plain:?}");
    assert_eq!(tokenizer.decode(&plain).unwrap(), text);
    let parsed = tokenizer.encode(text, true).unwrap();
    assert_eq!(parsed.iter().filter(|id| **id <= 2).collect::<Vec<_>>(), [&1, &2]);
    assert_eq!(tokenizer.decode(&parsed).unwrap(), "user\nhello\n");
    let hello = tokenizer.encode("hello", false).unwrap();
    assert!(
        parsed.windows(hello.len()).any(|w| w == hello),
        "text between control tokens is encoded as usual"
    );
}

#[test]
fn bos_is_given_where_the_model_asks_for_it() {
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    metadata.set("tokenizer.ggml.add_bos_token", true);
    assert_eq!(load_tokenizer(&file_of(metadata)).unwrap().bos(), Some(1));
}

/// Converters write truth values as they please.
#[test]
fn add_bos_is_read_in_every_type() {
    let base = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    let with = |value: MetaValue| {
        let mut metadata = base.clone();
        metadata.set("tokenizer.ggml.add_bos_token", value);
        load_tokenizer(&file_of(metadata)).unwrap().bos()
    };
    for yes in [MetaValue::U8(1), MetaValue::I32(1), MetaValue::String("true".into())] {
        assert_eq!(with(yes.clone()), Some(1), "{yes:?}");
    }
    for no in [MetaValue::U8(0), MetaValue::I32(0), MetaValue::String("false".into())] {
        assert_eq!(with(no.clone()), None, "{no:?}");
    }
}

/// What is never drawn ends nothing; a BOS that texts start with must be there.
#[test]
fn special_tokens_outside_of_the_vocabulary() {
    let base = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    let mut metadata = base.clone();
    metadata.set("tokenizer.ggml.eos_token_id", 304_u32);
    metadata.set("tokenizer.ggml.bos_token_id", 9999_u32);
    let tokenizer = load_tokenizer(&file_of(metadata.clone())).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (None, [0, 2].as_slice()));
    metadata.set("tokenizer.ggml.add_bos_token", true);
    let error = load_tokenizer(&file_of(metadata)).unwrap_err().to_string();
    assert!(error.contains("bos_token_id is 9999"), "{error}");
}

/// As in llama.cpp: what ends a turn by its name does so whatever its type.
#[test]
fn an_end_marker_need_not_be_typed_as_one() {
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    metadata.remove("tokenizer.huggingface.json").unwrap();
    for key in ["eos", "eot", "eom"] {
        metadata.remove(&format!("tokenizer.ggml.{key}_token_id"));
    }
    let Some(MetaValue::Array(MetaArray::I32(mut types))) = metadata.remove("tokenizer.ggml.token_type")
    else {
        panic!("types are i32");
    };
    types[2] = 4;
    metadata.set("tokenizer.ggml.token_type", MetaValue::Array(MetaArray::I32(types.clone())));
    let tokenizer = load_tokenizer(&file_of(metadata.clone())).unwrap();
    assert!(tokenizer.eos().contains(&2));
    assert_eq!(tokenizer.decode(&[2]).unwrap(), "");
    // Other widths of the list are as good.
    let wide = types.iter().map(|&t| t as u32).collect();
    metadata.set("tokenizer.ggml.token_type", MetaValue::Array(MetaArray::U32(wide)));
    assert_eq!(load_tokenizer(&file_of(metadata)).unwrap().eos(), tokenizer.eos());
}

#[derive(serde::Deserialize)]
struct AddedTokens {
    scheme: String,
    flags: serde_json::Map<String, serde_json::Value>,
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
}

fn spm_json(case: &AddedTokens) -> String {
    let text = std::fs::read_to_string(golden("spm.tokenizer.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["normalizer"] = serde_json::Value::Null;
    json["post_processor"] = serde_json::Value::Null;
    json["pre_tokenizer"] = serde_json::json!({
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": case.scheme, "split": false
    });
    for token in json["added_tokens"].as_array_mut().unwrap() {
        if token["content"] == "</s>" {
            token.as_object_mut().unwrap().extend(case.flags.clone());
        }
    }
    json.to_string()
}

#[test]
fn control_tokens_in_text_are_those_of_the_tokenizers_package() {
    let cases = std::fs::read_to_string(golden("added_tokens.json")).unwrap();
    for case in serde_json::from_str::<Vec<AddedTokens>>(&cases).unwrap() {
        let mut metadata = GgufFile::open(golden("spm.gguf"), &catalogue()).unwrap().metadata().clone();
        metadata.set("tokenizer.huggingface.json", spm_json(&case));
        let tokenizer = load_tokenizer(&file_of(metadata)).unwrap();
        for (text, ids) in case.texts.iter().zip(&case.ids) {
            let found = tokenizer.encode(text, true).unwrap();
            assert_eq!(&found, ids, "{} {:?} {text:?}", case.scheme, case.flags);
        }
    }
}

#[test]
fn added_tokens_keep_their_ids_or_are_refused() {
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    let json = metadata.str("tokenizer.huggingface.json").unwrap();
    let mut json: serde_json::Value = serde_json::from_str(json).unwrap();
    let gap = serde_json::json!({
        "id": 999, "content": "<gap>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true
    });
    json["added_tokens"].as_array_mut().unwrap().push(gap);
    metadata.set("tokenizer.huggingface.json", json.to_string());
    let error = load_tokenizer(&file_of(metadata)).unwrap_err().to_string();
    assert!(error.contains("`<gap>` the id 999"), "{error}");
}

#[test]
fn unusable_vocabularies_say_why() {
    let base = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    let refused = |change: &dyn Fn(&mut Metadata), reason: &str| {
        let mut metadata = base.clone();
        metadata.remove("tokenizer.huggingface.json");
        change(&mut metadata);
        let error = load_tokenizer(&file_of(metadata)).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    };
    refused(&|m| m.set("tokenizer.huggingface.json", "{}"), "tokenizer.json");
    refused(&|m| drop(m.remove("tokenizer.ggml.model")), "tokenizer.ggml.model");
    refused(&|m| m.set("tokenizer.ggml.model", "t5"), "t5");
    refused(&|m| m.set("tokenizer.ggml.model", "llama"), "tokenizer.ggml.scores");
    refused(&|m| m.set("tokenizer.ggml.pre", "unheard-of"), "unheard-of");
    refused(&|m| drop(m.remove("tokenizer.ggml.tokens")), "tokenizer.ggml.tokens");
    refused(&|m| m.set("tokenizer.ggml.tokens", Vec::<String>::new()), "token_type");
    refused(&|m| m.set("tokenizer.ggml.merges", vec!["nopair".to_owned()]), "nopair");
    refused(&|m| m.set("tokenizer.ggml.merges", vec!["no such".to_owned()]), "no");
    refused(&|m| m.set("tokenizer.ggml.remove_extra_whitespaces", true), "remove_extra_whitespaces");
    refused(&|m| m.set("tokenizer.ggml.add_bos_token", "perhaps"), "add_bos_token");
    let short = MetaValue::Array(MetaArray::I32(vec![1]));
    refused(&|m| m.set("tokenizer.ggml.token_type", short.clone()), "token_type");
}

/// Where tokenizer.json cannot be run, GGUF's vocabulary is as good, unless it does not say how words are cut.
#[test]
fn words_that_only_tokenizer_json_describes_are_not_guessed() {
    let mut metadata = HfFolder::open(golden("llama")).unwrap().metadata().clone();
    let read = |metadata: &Metadata| tokenizer_with(&file_of(metadata.clone()), &|_| Ok(Box::new(Nothing)));
    assert_eq!(read(&metadata).unwrap().token_id("<|im_end|>"), Some(2));
    metadata.remove("tokenizer.ggml.pre").unwrap();
    let error = read(&metadata).unwrap_err();
    assert!(matches!(error, StoreError::Unsupported { .. }), "{error}");
    metadata.remove("tokenizer.huggingface.json").unwrap();
    read(&metadata).unwrap();
}

/// Finds no word.
struct Nothing;

impl WordPattern for Nothing {
    fn find(&self, _: &str) -> Result<Vec<Range<usize>>, PortError> {
        Ok(Vec::new())
    }
}

#[test]
fn missing_tokenizers_are_an_error() {
    let error = load_tokenizer(&file_of(Metadata::new())).unwrap_err();
    assert!(
        matches!(error, StoreError::Tokenizer(_)) && error.to_string().contains("tokenizer.json"),
        "{error}"
    );
}

fn real() -> Option<ModelTokenizer> {
    Some(load_tokenizer(&GgufFile::open(smollm2()?, &catalogue()).unwrap()).unwrap())
}

#[test]
fn the_real_model_has_a_sound_tokenizer() {
    let Some(tokenizer) = real() else { return };
    tokenizer_conformance(&tokenizer);
    assert_eq!((tokenizer.vocab_size(), tokenizer.bos(), tokenizer.eos()), (49_152, None, [2, 0].as_slice()));
    assert_eq!(tokenizer.token_id("<|im_start|>"), Some(1));
    assert_eq!(tokenizer.encode("<|im_start|>user\nHi", true).unwrap()[..3], [1, 4093, 198]);
}

#[test]
fn it_counts_tokens_as_llama_cpp_does() {
    let Some(tokenizer) = real() else { return };
    let Ok(text) = std::fs::read_to_string("../../../shared/data/wikitext2.eval.txt") else {
        println!("skipped: shared/data/wikitext2.eval.txt is not beside the checkout");
        return;
    };
    // llama-perplexity makes 2,890 chunks of 64 tokens and 3,491 of 53: 185,023 is the only count with both.
    let tokens = tokenizer.encode(&text, false).unwrap();
    assert_eq!((tokens.len(), &tokens[..5]), (185_023, [446, 6356, 389, 9226, 352].as_slice()));
    assert_eq!(tokenizer.decode(&tokens).unwrap(), text);
}
