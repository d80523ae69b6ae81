//! `pibit adapt merge`.

use super::destination;
use super::parsed::parsed;
use crate::commands::calibrate::{self, CalibrateReport};
use crate::commands::{merge, quantize};
use crate::context::Context;
use crate::output;
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
What `pibit merge`, `pibit calibrate` and `pibit quantize --calib` do one after the other. Where no format is given the file
may have as many bytes as MODEL (`quantize --budget`).

Examples:
  pibit adapt merge tiny-piq2.gguf --lora user.gguf --domains math,code
  pibit adapt merge s2.gguf --lora user.gguf --text recent.txt --samples 48 -o s2-next.gguf
  pibit adapt merge tiny-piq2.gguf --lora user.gguf --domains math -f piq2 --json")]
pub(super) struct Args {
    /// GGUF file; it changes in place unless -o is given
    model: PathBuf,
    /// Adapter that was trained over it
    #[arg(long, value_name = "ADAPTER")]
    lora: PathBuf,
    /// Texts to calibrate on, as of `pibit calibrate`
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "domains")]
    text: Vec<PathBuf>,
    /// Domains of the built-in corpus to calibrate on
    #[arg(long, value_name = "DOMAIN,…")]
    domains: Option<String>,
    /// Chunks to calibrate on
    #[arg(long, default_value_t = 48)]
    samples: usize,
    /// Format of the linear layers [default: what a budget of MODEL's size gives]
    #[arg(short, long)]
    format: Option<String>,
    /// File to write [default: MODEL, kept as MODEL.previous]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct MergeReport {
    output: String,
    bytes: u64,
    calibration: CalibrateReport,
    seconds: f64,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let (mut report, seconds) = context.timed(|| adapt(context, args))?;
    report.seconds = seconds;
    if args.json {
        return output::json(&report);
    }
    let MergeReport { output, bytes, calibration, seconds } = &report;
    let chunks = calibration.samples;
    println!("{output}: {}, calibrated on {chunks} chunks, {seconds:.1} s", output::bytes(*bytes));
    Ok(())
}

fn adapt(context: &Context, args: &Args) -> Result<MergeReport> {
    if !args.model.is_file() {
        bail!("{} is no file: what is adapted is a GGUF file", args.model.display());
    }
    // Beside the result, where there is room for files of this size.
    let place = args.output.as_deref().unwrap_or(&args.model);
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::tempdir_in(folder).context("no folder for intermediate files")?;
    let [merged, calibration, rounded] =
        ["merged.gguf", "calibration.gguf", "rounded.gguf"].map(|name| scratch.path().join(name));
    merge::merge(context, &parsed(merge_options(args, &merged))?)?;
    let calibration_report =
        calibrate::calibrate(context, &parsed(calibrate_options(args, &merged, &calibration))?)?;
    let bytes = std::fs::metadata(&args.model)?.len();
    let options = quantize_options(args, [&merged, &calibration, &rounded], bytes);
    let quantized = quantize::quantize(context, &parsed(options)?)?;
    let output = destination(&args.model, args.output.as_ref())?;
    std::fs::rename(&rounded, &output).with_context(|| format!("could not write {}", output.display()))?;
    Ok(MergeReport {
        output: output.display().to_string(),
        bytes: quantized.bytes,
        calibration: calibration_report,
        seconds: 0.0,
    })
}

fn options<const N: usize>(options: [&dyn AsRef<std::ffi::OsStr>; N]) -> Vec<OsString> {
    options.iter().map(|option| option.as_ref().to_owned()).collect()
}

fn merge_options(args: &Args, merged: &Path) -> Vec<OsString> {
    options([&args.model, &"--lora", &args.lora, &"-o", &merged])
}

fn calibrate_options(args: &Args, merged: &Path, calibration: &Path) -> Vec<OsString> {
    let samples = args.samples.to_string();
    let mut all = options([&merged, &"--samples", &samples, &"-o", &calibration]);
    if let Some(domains) = &args.domains {
        all.extend(options([&"--domains", domains]));
    }
    if !args.text.is_empty() {
        all.push("--text".into());
        all.extend(args.text.iter().map(OsString::from));
    }
    all
}

fn quantize_options(args: &Args, [merged, calibration, rounded]: [&Path; 3], bytes: u64) -> Vec<OsString> {
    let mut all = options([&merged, &"--calib", &calibration, &"-o", &rounded]);
    match &args.format {
        Some(format) => all.extend(options([&"-f", format])),
        None => all.extend(options([&"--budget", &bytes.to_string()])),
    }
    all
}
