//! What cannot run is not written, and is said to be so.

#[path = "support/program.rs"]
mod program;

use domain_types::{MetaValue, Metadata, TensorInfo, TensorSource};
use model_store::{GgufFile, GgufWriter};
use program::{json, ok, path, pibit};
use std::path::Path;

/// The small model as a plain GGUF file in the folder.
fn plain(folder: &Path) -> GgufFile {
    let file = path(folder, "plain.gguf");
    ok(&["dequantize", "tiny", "--as", "f16", "-o", &file]);
    GgufFile::open(file, &quant_core::catalogue()).expect("it was written")
}

/// Some tensors of a model as a file.
fn write(source: &GgufFile, metadata: Metadata, infos: &[TensorInfo], file: &str) {
    let mut writer = GgufWriter::create(file, metadata, infos.to_vec(), None).expect("a sound header");
    for info in infos {
        writer.push(&info.name, &source.tensor(&info.name).expect("it is there")).expect("in order");
    }
    writer.finish().expect("it is whole");
}

fn metadata_of(source: &GgufFile) -> Metadata {
    let mut metadata = source.metadata().clone();
    let own: Vec<String> = metadata.iter().map(|(key, _)| key.to_owned()).collect();
    for key in own.iter().filter(|key| key.ends_with("sha256") || *key == "pibit.version") {
        metadata.remove(key);
    }
    metadata
}

fn fails(args: &[&str]) -> String {
    let out = pibit(args);
    assert!(!out.status.success(), "pibit {args:?} should fail");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn what_cannot_run_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let source = plain(folder.path());
    let metadata = metadata_of(&source);
    let without =
        |name: &str| source.tensors().iter().filter(|t| t.name != name).cloned().collect::<Vec<_>>();
    let mut shallow = metadata.clone();
    shallow.set("llama.block_count", 3_u32);
    let mut nextn = metadata.clone();
    nextn.set("llama.nextn_predict_layers", 1_u32);
    let mut foreign = metadata.clone();
    foreign.remove("tokenizer.huggingface.json");
    foreign.set("tokenizer.ggml.model", "t5");
    let cases = [
        (metadata.clone(), without("blk.1.ffn_up.weight"), "blk.1.ffn_up.weight"),
        (shallow, source.tensors().to_vec(), "blk.3."),
        (nextn, source.tensors().to_vec(), "nextn_predict_layers"),
        (foreign, source.tensors().to_vec(), "t5"),
    ];
    for (at, (metadata, infos, reason)) in cases.into_iter().enumerate() {
        let file = path(folder.path(), &format!("case-{at}.gguf"));
        write(&source, metadata, &infos, &file);
        let inspected = json(&["inspect", &file, "--json"]);
        assert_eq!(inspected["runnable"]["ok"], false, "{reason}");
        assert!(inspected["runnable"]["reason"].as_str().unwrap().contains(reason), "{inspected}");
        let verified = json(&["verify", &file, "--json"]);
        assert_eq!((&verified["runnable"]["ok"], &verified["status"]), (&false.into(), &"intact".into()));
        let output = path(folder.path(), "output.gguf");
        for command in [&["quantize", "-f", "q4_0"][..], &["export"], &["dequantize"]] {
            let call = [command, &[&file, "-o", &output]].concat();
            let error = fails(&call);
            assert!(error.contains(reason) && error.contains("--weights-only"), "{call:?}: {error}");
            assert!(!Path::new(&output).exists(), "{call:?} wrote a file");
        }
        ok(&["quantize", &file, "-f", "q4_0", "--weights-only", "-o", &output]);
        std::fs::remove_file(output).unwrap();
    }
    let whole = path(folder.path(), "plain.gguf");
    assert_eq!(json(&["verify", &whole, "--json"])["runnable"]["ok"], true);
    assert_eq!(json(&["inspect", "tiny", "--json"])["runnable"]["ok"], true);
}

/// The file in three parts, as `llama-gguf-split` names them.
fn split(source: &GgufFile, folder: &Path) -> Vec<String> {
    let infos = source.tensors();
    let third = infos.len().div_ceil(3);
    let parts = infos.chunks(third).enumerate();
    let write_part = |(number, part): (usize, &[TensorInfo])| {
        let mut metadata = if number == 0 { metadata_of(source) } else { Metadata::new() };
        metadata.set("split.no", MetaValue::U16(number as u16));
        metadata.set("split.count", MetaValue::U16(3));
        metadata.set("split.tensors.count", MetaValue::I32(infos.len() as i32));
        let file = path(folder, &format!("model-{:05}-of-00003.gguf", number + 1));
        write(source, metadata, part, &file);
        file
    };
    parts.map(write_part).collect()
}

#[test]
fn a_model_in_several_files_opens_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let source = plain(folder.path());
    let parts = split(&source, folder.path());
    let eval = |model: &str| json(&["eval", model, "--corpus", "--ctx", "64", "--chunks", "2", "--json"]);
    let whole = eval(&path(folder.path(), "plain.gguf"));
    for part in &parts {
        assert_eq!(eval(part)["ppl"], whole["ppl"], "{part}");
        let inspected = json(&["inspect", part, "--json"]);
        assert_eq!(inspected["tensors"].as_array().unwrap().len(), source.tensors().len());
        assert_eq!(inspected["runnable"]["ok"], true);
        assert_eq!(json(&["verify", part, "--json"])["runnable"]["ok"], true);
    }
    let output = path(folder.path(), "joined.gguf");
    ok(&["dequantize", &parts[1], "--as", "f16", "-o", &output]);
    assert_eq!(eval(&output)["ppl"], whole["ppl"]);

    let renamed = path(folder.path(), "alone.gguf");
    std::fs::copy(&parts[0], &renamed).unwrap();
    assert!(fails(&["inspect", &renamed]).contains("one of 3 files"));
    std::fs::remove_file(&parts[1]).unwrap();
    std::fs::remove_file(output).unwrap();
    for part in [&parts[0], &parts[2]] {
        for command in [
            &["inspect"][..],
            &["verify"],
            &["eval", "--corpus"],
            &["quantize", "-f", "q4_0", "-o", "x.gguf"],
        ] {
            let error = fails(&[command, &[part]].concat());
            assert!(
                error.contains("model-00002-of-00003.gguf") && error.contains("missing"),
                "{command:?}: {error}"
            );
        }
    }
    std::fs::copy(&parts[2], &parts[1]).unwrap();
    assert!(fails(&["inspect", &parts[0]]).contains("not the part"));
}

/// llama.cpp knows windows for some architectures only.
#[test]
fn an_export_tells_what_the_other_runtime_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let source = plain(folder.path());
    let mut metadata = metadata_of(&source);
    metadata.set("llama.attention.sliding_window", 64_u32);
    let (file, output) = (path(folder.path(), "windowed.gguf"), path(folder.path(), "out.gguf"));
    write(&source, metadata, source.tensors(), &file);
    let export = |model: &str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_pibit"));
        let run = program.args(["export", model, "-o", &output]).output().unwrap();
        assert!(run.status.success());
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    let said = export(&file);
    assert!(said.contains("no windows: beyond 64 tokens"), "{said}");
    assert!(!export(&path(folder.path(), "plain.gguf")).contains("windows"));
}
