//! `cargo xtask demo --qat`: what rounding costs `tiny` at 2 and 3 bits, and what training with it gives back.

use super::Args;
use crate::markdown::{Table, number, save};
use crate::{pibit, sh};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const FORMATS: [&str; 4] = ["piq3", "piq2", "pit", "t2"];
const DOMAINS: [&str; 5] = ["arithmetic", "code", "tool-use", "needle", "language"];

pub(super) fn run(args: &Args) -> Result<()> {
    let folder = sh::root().join("target/pibit/qat");
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let rows = rows(args, &folder)?;
    let table = table(&rows);
    save("qat.md", &table.to_string())?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "rows": rows }))?);
    } else {
        print!("{table}");
    }
    Ok(())
}

fn rows(args: &Args, folder: &Path) -> Result<Vec<Value>> {
    let mut rows = vec![row(args, "f16", "none", "tiny".as_ref())?];
    for format in FORMATS {
        let made = |method: &str| folder.join(format!("{format}-{method}.gguf"));
        let (rounded, trained) = (made("rtn"), made("qat"));
        sh::output(qat_pibit().args(["quantize", "tiny", "-f", format, "-o"]).arg(&rounded))?;
        rows.push(row(args, format, "rtn", &rounded)?);
        let steps = args.steps.to_string();
        sh::output(qat_pibit().args(["qat", "tiny", "-f", format, "--steps", &steps, "-o"]).arg(&trained))?;
        rows.push(row(args, format, "qat", &trained)?);
    }
    Ok(rows)
}

fn qat_pibit() -> Command {
    pibit::command(&["train"])
}

/// One model's perplexity on held-out text and its exact matches.
fn row(args: &Args, format: &str, method: &str, model: &Path) -> Result<Value> {
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
