//! `cargo xtask demo --qat`: what rounding costs `tiny` at 2 and 3 bits, and what calibration and training give back.

use super::Args;
use crate::markdown::{Table, number, save};
use crate::{pibit, sh};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Formats, and settings besides the defaults. Three bits lose little, and the usual rate would move weights further than
/// rounding did.
const FORMATS: [(&str, &str); 4] =
    [("piq3", "[qat]\nlearning_rate = 1e-4\n"), ("piq2", ""), ("pit", ""), ("t2", "")];
const DOMAINS: [&str; 5] = ["arithmetic", "code", "tool-use", "needle", "language"];

pub(super) fn run(args: &Args) -> Result<()> {
    show(args, &rows(args, &folder()?)?, "qat.md")
}

/// Where models of these tables are.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = sh::root().join("target/pibit/qat");
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    Ok(folder)
}

/// Prints rows and saves their table.
pub(super) fn show(args: &Args, rows: &[Value], name: &str) -> Result<()> {
    let table = table(rows);
    save(name, &table.to_string())?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "rows": rows }))?);
    } else {
        print!("{table}");
    }
    Ok(())
}

/// Per format: rounding to nearest with the root mean square as step, which knows neither weights nor data; the best
/// that `pibit quantize` does with a calibration; training.
fn rows(args: &Args, folder: &Path) -> Result<Vec<Value>> {
    let calibration = calibrated(folder)?;
    let mut rows = vec![row(args, "f16", "none", "tiny".as_ref())?];
    for (format, settings) in FORMATS {
        let config = folder.join(format!("{format}.toml"));
        std::fs::write(&config, settings)?;
        let quantize = || {
            let mut command = qat_pibit();
            command.args(["quantize", "tiny", "-f", format]);
            command
        };
        let mut train = qat_pibit();
        train
            .args(["qat", "tiny", "-f", format, "--steps", &args.steps.to_string(), "--config"])
            .arg(&config);
        let (mut nearest, mut calibrated) = (quantize(), quantize());
        nearest.args(["--step", "rms"]);
        calibrated.args(["--rotate", "--calib"]).arg(&calibration);
        for (method, mut command) in [("rtn", nearest), ("ptq", calibrated), ("qat", train)] {
            let made = folder.join(format!("{format}-{method}.gguf"));
            sh::output(command.arg("-o").arg(&made))?;
            rows.push(row(args, format, method, &made)?);
        }
    }
    Ok(rows)
}

/// A calibration of `tiny` on all domains.
pub(super) fn calibrated(folder: &Path) -> Result<PathBuf> {
    let calibration = folder.join("calibration.gguf");
    let domains = ["--domains", "math,code,language,reasoning,tool-use", "--samples", "96"];
    sh::output(qat_pibit().args(["calibrate", "tiny"]).args(domains).arg("-o").arg(&calibration))?;
    Ok(calibration)
}

pub(super) fn qat_pibit() -> Command {
    pibit::command(&["train"])
}

/// One model's perplexity on held-out text and its exact matches.
pub(super) fn row(args: &Args, format: &str, method: &str, model: &Path) -> Result<Value> {
    let mut command = qat_pibit();
    command.arg("eval").arg(model).args(["--corpus", "--ctx", "256", "--chunks", "20", "--json"]);
    command.args(["--tasks", &DOMAINS.join(","), "--task-samples", &args.task_samples.to_string()]);
    let found: Value =
        serde_json::from_str(&sh::output(&mut command)?).context("pibit did not print JSON")?;
    let row = json!({ "format": format, "method": method, "ppl": found["ppl"], "tasks": found["tasks"] });
    eprintln!("{row}");
    Ok(row)
}

fn table(rows: &[Value]) -> Table {
    let mut table = Table::new(&[&["format", "method", "perplexity"][..], &DOMAINS].concat());
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or("–").to_owned();
        let share = |domain: &&str| {
            format!("{}%", number(row["tasks"][*domain].as_f64().unwrap_or(f64::NAN) * 100.0))
        };
        let perplexity = format!("{:.3}", row["ppl"].as_f64().unwrap_or(f64::NAN));
        let mut cells = vec![text("format"), text("method"), perplexity];
        cells.extend(DOMAINS.iter().map(share));
        table.push(&cells);
    }
    table
}
