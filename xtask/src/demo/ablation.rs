//! `cargo xtask demo --qat --ablation`: what the parts of quantization-aware training are worth, on `tiny` in PiQ2.

use super::Args;
use super::qat::{calibrated, folder, qat_pibit, row, show};
use crate::sh;
use anyhow::Result;
use std::path::Path;

const FORMAT: &str = "piq2";

/// A run: its name, its settings besides the defaults, and what it starts from.
struct Variant {
    name: &'static str,
    settings: &'static str,
    from_calibration: bool,
}

const VARIANTS: [Variant; 9] = [
    variant("all losses, lsq", ""),
    variant("cross-entropy alone", "[distillation]\ndistillation = 0.0\nreasoning = 0.0\n"),
    variant("without the reasoning loss", "[distillation]\nreasoning = 0.0\n"),
    variant("ste", "[quantization]\nsurrogate = \"ste\"\n"),
    variant("clipped ste", "[quantization]\nsurrogate = \"clipped_ste\"\n"),
    variant("ewgs", "[quantization]\nsurrogate = { ewgs = 0.2 }\n"),
    variant("seq", "[quantization]\nsurrogate = \"seq\"\n"),
    variant("a scale per channel", "[quantization]\ngranularity = \"channel\"\n"),
    Variant { name: "from a calibrated file", settings: "", from_calibration: true },
];

const fn variant(name: &'static str, settings: &'static str) -> Variant {
    Variant { name, settings, from_calibration: false }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let folder = folder()?;
    let start = folder.join("piq2-calibrated.gguf");
    let mut quantize = qat_pibit();
    quantize.args(["quantize", "tiny", "-f", FORMAT, "--calib"]).arg(calibrated(&folder)?);
    sh::output(quantize.arg("-o").arg(&start))?;
    let mut rows = vec![row(args, FORMAT, "calibrated, not trained", &start)?];
    for variant in &VARIANTS {
        rows.push(train(args, variant, &folder, &start)?);
    }
    show(args, &rows, "qat-ablation.md")
}

fn train(args: &Args, variant: &Variant, folder: &Path, start: &Path) -> Result<serde_json::Value> {
    let (settings, made) = (folder.join("ablation.toml"), folder.join("ablation.gguf"));
    std::fs::write(&settings, variant.settings)?;
    let mut command = qat_pibit();
    command.arg("qat").arg(if variant.from_calibration { start } else { "tiny".as_ref() });
    command.args(["-f", FORMAT, "--teacher", "tiny", "--steps", &args.steps.to_string(), "--config"]);
    sh::output(command.arg(&settings).arg("-o").arg(&made))?;
    row(args, FORMAT, variant.name, &made)
}
