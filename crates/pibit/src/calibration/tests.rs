//! Files as they are written and read, and files that must be refused.

use super::collect::{CollectedInput, SharedInput};
use super::*;
use crate::context::Context;
use crate::quantize::Importance;
use anyhow::Result;
use domain_types::{InputObserver, Metadata, QuantTensor, TensorSource};
use model_store::{GgufFile, GgufWriter};
use quant_core::InputMoments;
use std::path::{Path, PathBuf};

const TOKENS: usize = 7;
const WIDTHS: [usize; 2] = [3, 200];

fn open(path: &Path) -> Result<Calibration> {
    Calibration::open(&quant_core::catalogue(), path)
}

/// For one test only: tracing is set up once in a process.
fn context() -> Context {
    Context::new(&crate::Global { quiet: true, ..Default::default() }).expect("a context")
}

fn inputs() -> Vec<SharedInput> {
    let names =
        [vec!["blk.0.attn_q.weight".to_owned(), "blk.0.attn_k.weight".to_owned()], vec!["b".to_owned()]];
    names.into_iter().zip(WIDTHS).map(|(tensors, width)| SharedInput { tensors, width }).collect()
}

fn write(path: &Path) {
    let chunks = vec![vec![1; TOKENS]];
    let sources = vec![DataSource { name: "a.txt".into(), sha256: "00".into(), chunks: 1 }];
    let dataset = Dataset { sources, chunks };
    let provenance =
        Provenance { dataset: &dataset, ctx: TOKENS, seed: 5, model_sha256: "ab", time: Some(9) };
    let mut writer = CalibrationWriter::create(path, &inputs(), &provenance).expect("starts");
    let mut moments = InputMoments::new();
    for input in inputs() {
        let tensors: Vec<_> = input.tensors.iter().map(String::as_str).collect();
        moments.observe(&tensors, input.width, &rows(input.width));
    }
    for layer in moments.take() {
        writer.push(&CollectedInput::new(&layer, &dataset.sources).expect("finite")).expect("in order");
    }
    writer.finish().expect("complete");
}

fn rows(width: usize) -> Vec<f32> {
    (0..TOKENS * width).map(|i| (i * 7919 % 101) as f32 / 50.0 - 1.0).collect()
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("calib.gguf");
    write(&path);
    (folder, path)
}

#[test]
fn what_was_written_is_read() {
    let (_folder, path) = written();
    let calibration = open(&path).expect("sound");
    assert_eq!((calibration.tokens(), calibration.model_sha256()), (TOKENS as u64, Some("ab")));
    assert_eq!(calibration.dataset_sha256().map(str::len), Some(64));
    assert!(calibration.hessian("c").expect("readable").is_none());
    assert!(calibration.importance("c").expect("readable").is_none());
    let imatrix = Importance::read(&context(), &path).expect("an imatrix");
    for input in inputs() {
        let (width, rows) = (input.width, rows(input.width));
        for tensor in &input.tensors {
            let hessian = calibration.hessian(tensor).expect("readable").expect("was seen");
            assert_eq!((hessian.width(), hessian.tokens()), (width, TOKENS as u64));
            for (at, value) in hessian.values().iter().enumerate() {
                let products =
                    rows.chunks_exact(width).map(|x| f64::from(x[at / width]) * f64::from(x[at % width]));
                let mean = products.sum::<f64>() / TOKENS as f64;
                assert!((f64::from(*value) - mean).abs() < 1e-5, "{tensor}, entry {at}: {value}, not {mean}");
            }
            let importance = calibration.importance(tensor).expect("readable").expect("was seen");
            let same = |a: &f32, b: &f32| (a - b).abs() <= 1e-6 * b.abs();
            assert!(hessian.diagonal().zip(&importance).all(|(a, b)| same(&a, b)), "{tensor}");
            assert_eq!(imatrix.get(tensor), Some(&importance[..]), "{tensor}");
        }
    }
}

/// The file again, with changed metadata and tensors left out.
fn rewritten(path: &Path, change: impl FnOnce(&mut Metadata), without: &str) {
    let file = GgufFile::open(path, &quant_core::catalogue()).expect("sound");
    let mut metadata = file.metadata().clone();
    change(&mut metadata);
    let infos: Vec<_> = file.tensors().iter().filter(|t| t.name != without).cloned().collect();
    let mut writer = GgufWriter::create(path, metadata, infos.clone(), None).expect("starts");
    for info in infos {
        let tensor: QuantTensor = file.tensor(&info.name).expect("listed");
        writer.push(&info.name, &tensor).expect("in order");
    }
    writer.finish().expect("complete");
}

fn refusal(change: impl FnOnce(&mut Metadata), without: &str) -> String {
    let (_folder, path) = written();
    rewritten(&path, change, without);
    let read = open(&path).and_then(|calibration| {
        calibration.importance("b")?;
        calibration.hessian("b").map(drop)
    });
    format!("{:#}", read.expect_err("must be refused"))
}

#[test]
fn files_that_lack_something_are_refused() {
    let text = refusal(|m| m.set("pibit.calibration.version", 2_u32), "");
    assert!(text.contains("version 2"), "{text}");
    let text = refusal(|m| drop(m.remove("pibit.calibration.version")), "");
    assert!(text.contains("is no calibration file"), "{text}");
    let text = refusal(|m| m.set("pibit.calibration.hessians", vec!["b".to_owned()]), "");
    assert!(text.contains("3 layers but 1 Hessians"), "{text}");
    let text = refusal(|m| m.set("pibit.calibration.tensors", 3_u32), "");
    assert!(text.contains("no list pibit.calibration.tensors"), "{text}");
    let text = refusal(|m| m.set("pibit.calibration.tokens", 0_u64), "");
    assert!(text.contains("no tokens"), "{text}");
    let of_another = ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_q.weight"].map(str::to_owned);
    let text =
        refusal(|m| m.set("pibit.calibration.hessians", of_another.to_vec()), "blk.0.attn_q.weight.in_sum2");
    assert!(text.contains("blk.0.attn_q.weight is incomplete"), "{text}");
    for missing in ["b.hessian", "b.counts", "b.in_sum2"] {
        let text = refusal(|_| {}, missing);
        assert!(text.contains(missing), "{text}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let (_folder, path) = written();
    let sound = std::fs::read(&path).expect("readable");
    for at in (0..sound.len()).step_by(997).chain([sound.len() - 40]) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).expect("writable");
        // A changed byte in the padding between tensors changes nothing that is read.
        if let Ok(calibration) = open(&path) {
            calibration.hessian("b").expect("what passes the checksums can be read");
        }
    }
    let mut damaged = sound.clone();
    let last = sound.len() - 200 * 100;
    damaged[last] ^= 1;
    std::fs::write(&path, &damaged).expect("writable");
    let text = open(&path).expect_err("damaged").to_string();
    assert!(text.contains("checksums do not match"), "{text}");
    std::fs::write(&path, &sound[..sound.len() / 2]).expect("writable");
    open(&path).expect_err("cut short");
}
