//! `pibit quantize --budget` on the embedded model, and runs that were killed.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pibit"));
    command.args(args);
    command
}

fn pibit(args: &[&str], threads: &str) -> Output {
    command(args).arg("--quiet").env("RAYON_NUM_THREADS", threads).output().expect("pibit starts")
}

fn json(args: &[&str]) -> Value {
    let out = pibit(&[args, &["--json"]].concat(), "2");
    assert!(out.status.success(), "pibit {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("test paths are UTF-8").to_owned()
}

fn calibration(folder: &Path) -> String {
    let file = path(folder, "calibration.gguf");
    json(&[
        "calibrate",
        "tiny",
        "--domains",
        "math,tool-use,code,language",
        "--samples",
        "24",
        "--ctx",
        "128",
        "-o",
        &file,
    ]);
    file
}

/// 99th percentile of the divergence, and how often both models' first choice differs. Not the mean: a few tokens of a
/// model this small and sure of itself decide that one (docs/quality.md).
fn divergence(file: &str) -> [f64; 2] {
    let eval = json(&["eval", file, "--reference", "tiny", "--corpus", "--ctx", "128", "--chunks", "100"]);
    let of = |name: &str| eval[name].as_f64().unwrap_or_else(|| panic!("no {name}"));
    [of("kld_p99"), 1.0 - of("top1")]
}

/// Whether a file is nearer to the original in both.
fn is_nearer(file: [f64; 2], other: [f64; 2]) -> bool {
    file[0] < other[0] && file[1] < other[1]
}

#[test]
fn a_budget_buys_the_best_file_of_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let calib = calibration(folder.path());
    let made = |name: &str, options: &[&str]| {
        let file = path(folder.path(), name);
        let report = json(&[&["quantize", "tiny", "--calib", &calib, "-o", &file], options].concat());
        assert_eq!(report["bytes"].as_u64(), Some(std::fs::metadata(&file).unwrap().len()));
        (report, file)
    };
    let (uniform, plain) = made("plain", &["-f", "t3_l10", "--rotate", "--embed", "t4"]);
    let budget = uniform["bytes"].as_u64().unwrap();
    let (report, best) = made("best", &["--budget", &budget.to_string()]);
    assert!(report["bytes"].as_u64().unwrap() <= budget);
    let (budgeted, uniform) = (divergence(&best), divergence(&plain));
    assert!(is_nearer(budgeted, uniform), "{budgeted:?} {uniform:?}");

    let allocation = &report["allocation"];
    assert_eq!(allocation["budget"].as_u64(), Some(budget));
    let formats = allocation["formats"].as_object().unwrap();
    assert!(formats.len() > 1, "one format is not the best of all files: {formats:?}");
    let front: Vec<_> =
        allocation["pareto"].as_array().unwrap().iter().map(|p| p["bytes"].as_u64().unwrap()).collect();
    assert!(front.len() > 20 && front.is_sorted());

    let compared = json(&["compare", "tiny", &best]);
    let tensors = compared["tensors"].as_array().unwrap().iter();
    let error = |name: &str| {
        tensors
            .clone()
            .find(|t| t["name"] == name)
            .and_then(|t| t["mse"].as_f64())
            .expect("a tensor with an error")
    };
    assert!(
        error("token_embd.frequent.weight") <= error("token_embd.weight"),
        "kept in at least as many bits"
    );

    let (wide, larger) = made("larger", &["--bpw", "5"]);
    assert!(wide["bits_per_weight"].as_f64().unwrap() <= 5.0);
    let larger = divergence(&larger);
    assert!(is_nearer(larger, budgeted), "{larger:?} {budgeted:?}");

    let out = pibit(
        &["quantize", "tiny", "--calib", &calib, "--budget", "100kB", "-o", &path(folder.path(), "x")],
        "2",
    );
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && text.contains("the smallest has"), "{text}");
    assert!(!Path::new(&path(folder.path(), "x")).exists());
}

#[test]
fn a_killed_run_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let calib = calibration(folder.path());
    let args = |output: &str| -> Vec<String> {
        ["quantize", "tiny", "--calib", &calib, "--budget", "1500kB", "-o", output]
            .map(ToOwned::to_owned)
            .to_vec()
    };
    let run = |output: &str, threads: &str| {
        let args = args(output);
        let out = pibit(&args.iter().map(String::as_str).collect::<Vec<_>>(), threads);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::read(output).unwrap()
    };
    let (whole, killed) = (path(folder.path(), "whole"), path(folder.path(), "killed"));
    let expected = run(&whole, "1");
    assert!(expected == run(&path(folder.path(), "three"), "3"), "threads must not matter");

    let mut child = command(&[]).args(args(&killed)).stderr(Stdio::null()).spawn().unwrap();
    let (resume, start) = (format!("{killed}.resume"), Instant::now());
    let kept = |part: &str| Path::new(&resume).join(part);
    // The streams are kept after the block's tensors.
    while !kept("block-1.gguf").exists() {
        assert!(
            start.elapsed() < Duration::from_mins(5) && child.try_wait().unwrap().is_none(),
            "no checkpoint"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Path::new(&killed).exists(), "nothing under the name of the file yet");
    let (first, measured) = (kept("block-0.gguf"), kept("sensitivities.gguf"));
    let stamp = |file: &Path| std::fs::metadata(file).unwrap().modified().unwrap();
    let before = (stamp(&first), stamp(&measured));

    // Stopped again in the next block: what was finished has not been made again.
    let mut child = command(&[]).args(args(&killed)).stderr(Stdio::null()).spawn().unwrap();
    while !kept("block-2.gguf").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(kept("block-2.gguf").exists(), "killed before the end");
    assert_eq!(before, (stamp(&first), stamp(&measured)));

    // A damaged part counts as absent.
    std::fs::write(kept("block-1.gguf"), b"GGUF").unwrap();
    assert!(run(&killed, "2") == expected, "a run in parts gives the same file");
    assert!(!Path::new(&resume).exists(), "a finished run leaves nothing behind");
}

/// Stories that the small model knows, as a file.
fn stories(folder: &Path) -> String {
    let file = path(folder, "stories.txt");
    let story =
        "Tom has a red ball. He gives the ball to Mia. Mia is happy and plays with the ball in the garden. ";
    std::fs::write(&file, story.repeat(80)).unwrap();
    file
}

#[test]
fn a_budget_calibrates_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (text, file) = (stories(folder.path()), path(folder.path(), "out.gguf"));
    let run = command(&["quantize", "tiny", "--budget", "1300KB", "--text", &text, "-o", &file, "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success() && said.contains("calibrating on") && said.contains("stories.txt"),
        "{said}"
    );
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(report["bytes"].as_u64().unwrap() <= 1_300_000);
    assert!(report["allocation"]["predicted_kld"].as_f64().is_some());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    let both = pibit(&["quantize", "tiny", "-f", "q8_0", "--text", &text, "-o", &file], "1");
    assert_eq!(both.status.code(), Some(2), "--text is for budgets");
}

/// The small model with feed-forward layers of twice a prime: rows of zeros change nothing, and no rotation fits.
fn prime_width(folder: &Path) -> String {
    use domain_types::{QuantTensor, Shape, TensorInfo, TensorSource, scalar};
    const WIDTH: usize = 2 * 521;
    let plain = path(folder, "plain.gguf");
    json(&["dequantize", "tiny", "--as", "f32", "-o", &plain]);
    let source = model_store::GgufFile::open(&plain, &quant_core::catalogue()).unwrap();
    let widened = |info: &TensorInfo| {
        let tensor = source.tensor(&info.name).unwrap();
        let [rows, columns] = *info.shape.dims() else { return tensor };
        let (more_rows, more_columns) = match () {
            () if info.name.contains("ffn_down") => (rows, WIDTH),
            () if info.name.contains("ffn_gate") || info.name.contains("ffn_up") => (WIDTH, columns),
            () => return tensor,
        };
        let mut bytes = vec![0; more_rows * more_columns * 4];
        for (row, from) in tensor.bytes().chunks_exact(columns * 4).enumerate() {
            bytes[row * more_columns * 4..][..columns * 4].copy_from_slice(from);
        }
        QuantTensor::new(scalar::F32, Shape::matrix(more_rows, more_columns).unwrap(), bytes).unwrap()
    };
    let tensors: Vec<_> = source.tensors().iter().map(|info| (info.name.clone(), widened(info))).collect();
    let infos =
        tensors.iter().map(|(name, t)| TensorInfo::new(name.as_str(), *t.format(), *t.shape()).unwrap());
    let mut metadata = source.metadata().clone();
    metadata.set("llama.feed_forward_length", WIDTH as u32);
    let file = path(folder, "prime.gguf");
    let mut writer = model_store::GgufWriter::create(&file, metadata, infos.collect(), None).unwrap();
    for (name, tensor) in &tensors {
        writer.push(name, tensor).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn a_budget_for_a_model_that_cannot_be_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let (model, text, file) =
        (prime_width(folder.path()), stories(folder.path()), path(folder.path(), "out.gguf"));
    let run = command(&["quantize", &model, "--budget", "8MB", "--text", &text, "-o", &file, "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("not rotated") && said.contains("1042"), "{said}");
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["allocation"]["layers"], "unrotated");
    assert!(report["bytes"].as_u64().unwrap() <= 8_000_000);
    let inspected = json(&["inspect", &file]);
    assert!(inspected["spec"]["rotation"].is_null());
}
