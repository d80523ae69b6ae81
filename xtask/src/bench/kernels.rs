//! The Criterion benchmarks, and a table of what they found.

use super::machine::Machine;
use super::programs::Programs;
use crate::markdown::{self, Table, number};
use crate::sh;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::time::SystemTime;

pub(super) fn run(programs: &Programs, filter: Option<&str>, quick: bool) -> Result<()> {
    let machine = Machine::measure(programs)?;
    let folder = sh::root().join("target/pibit/criterion");
    let start = SystemTime::now();
    // The pattern names Criterion's targets alone; otherwise cargo starts the programs' unit tests as well.
    let mut command = sh::cargo(["bench", "--package", "benches", "--bench", "*", "--"]);
    command.env("CRITERION_HOME", &folder).args(filter);
    if quick {
        command.arg("--quick");
    }
    sh::run(&mut command)?;
    let mut rows = Vec::new();
    collect(&folder, start, &mut rows)?;
    if rows.is_empty() {
        bail!("no benchmark has such a name");
    }
    rows.sort();
    let mut table = Table::new(&["benchmark", "time", "throughput"]);
    for row in &rows {
        table.push(row);
    }
    let text = format!("{machine}\n{table}");
    print!("{text}");
    markdown::save("bench.md", &text)
}

/// Rows of all benchmarks in this folder that were measured since `start`.
fn collect(folder: &Path, start: SystemTime, rows: &mut Vec<[String; 3]>) -> Result<()> {
    let here = folder.join("new/benchmark.json");
    if here.is_file() && here.metadata()?.modified()? >= start {
        rows.push(row(&read(&here)?, &read(&folder.join("new/estimates.json"))?)?);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, start, rows)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// Name, time and throughput, from what Criterion stores about a benchmark.
fn row(benchmark: &Value, estimates: &Value) -> Result<[String; 3]> {
    let name = benchmark["full_id"].as_str().context("a benchmark without a name")?;
    let nanoseconds =
        estimates["median"]["point_estimate"].as_f64().context("a benchmark without a median")?;
    let per_second = |unit: &str| Some(benchmark["throughput"][unit].as_f64()? / nanoseconds);
    let throughput =
        match (per_second("Elements"), per_second("Bytes").or_else(|| per_second("BytesDecimal"))) {
            (Some(giga), _) if giga < 0.1 => format!("{} M/s", number(giga * 1e3)),
            (Some(giga), _) => format!("{} G/s", number(giga)),
            (None, Some(giga)) => format!("{} GB/s", number(giga)),
            (None, None) => String::new(),
        };
    Ok([name.into(), time(nanoseconds), throughput])
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{} ns", number(nanoseconds)),
        ..1e6 => format!("{} µs", number(nanoseconds / 1e3)),
        ..1e9 => format!("{} ms", number(nanoseconds / 1e6)),
        _ => format!("{} s", number(nanoseconds / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn throughput_has_the_unit_of_what_was_counted() {
        let estimates = json!({"median": {"point_estimate": 2000.0}});
        let of = |throughput: Value| {
            row(&json!({"full_id": "a/b", "throughput": throughput}), &estimates).unwrap()
        };
        assert_eq!(of(json!({"Elements": 10_000})), ["a/b", "2.00 µs", "5.00 G/s"]);
        assert_eq!(of(json!({"Elements": 10}))[2], "5.00 M/s");
        assert_eq!(of(json!({"BytesDecimal": 40_000}))[2], "20.0 GB/s");
        assert_eq!(of(Value::Null)[2], "");
    }
}
