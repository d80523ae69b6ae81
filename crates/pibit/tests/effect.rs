//! Options without effect and numbers without room are told of.

#[path = "support/program.rs"]
mod program;

use domain_types::{Metadata, QuantTensor, Shape, TensorInfo, TensorSource, scalar};
use model_store::{GgufFile, GgufWriter};
use program::{json, ok, path, pibit};
use std::path::Path;

fn said(args: &[&str]) -> (bool, String) {
    let program = env!("CARGO_BIN_EXE_pibit");
    let out = std::process::Command::new(program).args(args).output().expect("pibit starts");
    (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn options_that_touch_nothing_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let output = path(folder.path(), "out.gguf");
    let cases: [(&[&str], &str); 6] = [
        (&["-f", "q8_0", "--keep", "blk.9.*=f16"], "matches no tensor; nearest are blk."),
        (&["-f", "q8_0", "--keep", "blk.0.atn_q.weight=f16"], "nearest are blk.0.attn_q.weight"),
        (&["-f", "q8_0", "--output-head", "q4_0"], "--embed"),
        (&["-f", "q4_0", "-k", "3"], "-k has no effect"),
        (&["-f", "q4_0", "--constant", "e"], "--constant e has no effect"),
        (&["-f", "piq3", "--constant", "output=e"], "--constant output=e has no effect"),
    ];
    for (options, reason) in cases {
        let call = [&["quantize", "tiny", "-o", &output], options].concat();
        let (fine, text) = said(&call);
        assert!(!fine && text.contains(reason), "{call:?}: {text}");
        assert!(!Path::new(&output).exists());
    }
    ok(&["quantize", "tiny", "-f", "piq3", "-k", "3", "--constant", "ffn=e", "-o", &output]);
}

fn tensor(dims: &[usize], values: &[f32]) -> QuantTensor {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    QuantTensor::new(scalar::F32, Shape::new(dims).unwrap(), bytes).unwrap()
}

fn write(file: &str, metadata: Metadata, tensors: &[(String, QuantTensor)]) {
    let infos =
        tensors.iter().map(|(name, t)| TensorInfo::new(name.as_str(), *t.format(), *t.shape()).unwrap());
    let mut writer = GgufWriter::create(file, metadata, infos.collect(), None).unwrap();
    for (name, tensor) in tensors {
        writer.push(name, tensor).unwrap();
    }
    writer.finish().unwrap();
}

/// An importance matrix as llama-imatrix writes it, for some of the small model's matrices.
fn imatrix(file: &str, names: &[(&str, usize)]) {
    let mut tensors = Vec::new();
    for (name, width) in names {
        tensors.push((format!("{name}.counts"), tensor(&[1], &[10.0])));
        tensors.push((format!("{name}.in_sum2"), tensor(&[*width], &vec![1.0; *width])));
    }
    write(file, Metadata::new(), &tensors);
}

#[test]
fn an_importance_matrix_of_another_model_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(folder.path(), name);
    let (file, output) = (at("imatrix.gguf"), at("out.gguf"));
    let quantize = ["quantize", "tiny", "-f", "piq3", "-o", &output, "--imatrix", &file];
    imatrix(&file, &[("layers.0.q", 256)]);
    let (fine, text) = said(&quantize);
    assert!(!fine && text.contains("no entry for any tensor") && text.contains("layers.0.q"), "{text}");
    imatrix(&file, &[("blk.0.attn_q.weight", 256)]);
    let (fine, text) = said(&quantize);
    assert!(
        fine && text.contains("no entry for") && text.contains("nearest are blk.0.attn_q.weight"),
        "{text}"
    );
    let (fine, text) = said(&[&quantize[..], &["--step", "mse"]].concat());
    assert!(!fine && text.contains("--imatrix has no effect"), "{text}");
}

#[test]
fn numbers_beyond_a_format_s_range_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(folder.path(), name);
    ok(&["dequantize", "tiny", "--as", "f32", "-o", &at("plain.gguf")]);
    let source = GgufFile::open(at("plain.gguf"), &quant_core::catalogue()).unwrap();
    let name = "blk.0.ffn_up.weight";
    let tensors = source.tensors().iter().map(|info| {
        let found = source.tensor(&info.name).unwrap();
        if info.name != name {
            return (info.name.clone(), found);
        }
        let (chunks, _) = found.bytes().as_chunks::<4>();
        let mut values: Vec<f32> = chunks.iter().map(|&c| f32::from_le_bytes(c)).collect();
        (values[3], values[700], values[701]) = (1e6, 1e-9, -1e-12);
        (info.name.clone(), tensor(info.shape.dims(), &values))
    });
    let mut metadata = source.metadata().clone();
    let own: Vec<String> = metadata.iter().map(|(key, _)| key.to_owned()).collect();
    own.iter().filter(|key| key.ends_with("sha256")).for_each(|key| drop(metadata.remove(key)));
    write(&at("wide.gguf"), metadata, &tensors.collect::<Vec<_>>());
    let to = |format: &str, options: &[&str]| {
        let call = ["quantize", &at("wide.gguf"), "-f", format, "-o", &at("out.gguf"), "--json"];
        pibit(&[&call[..], options].concat())
    };
    let refused = to("f16", &[]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && text.contains("1 weights are beyond") && text.contains("=f32"),
        "{text}"
    );
    assert!(!Path::new(&at("out.gguf")).exists());
    let keep = format!("{name}=bf16");
    assert!(to("f16", &["--keep", &keep]).status.success());
    assert!(to("bf16", &[]).status.success());
    let report =
        json(&["quantize", &at("wide.gguf"), "-f", "f16", "--saturate", "-o", &at("out.gguf"), "--json"]);
    assert_eq!((report["saturated"].as_u64(), report["vanished"].as_u64()), (Some(1), Some(2)));
    let whole = json(&["quantize", "tiny", "-f", "q8_0", "-o", &at("out.gguf"), "--json"]);
    assert_eq!((whole["saturated"].as_u64(), whole["vanished"].as_u64()), (Some(0), Some(0)));
}
