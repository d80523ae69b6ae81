//! One run of `pibit bench`.

use super::Work;
use crate::bench::against::figures::Speeds;
use crate::bench::programs::Programs;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

pub(super) fn run(programs: &Programs, file: &Path, work: &Work) -> Result<Speeds> {
    let path = file.to_str().context("the cache folder's name is not UTF-8")?;
    let (prompts, tokens, threads) =
        (work.prompt_argument(), work.tokens.to_string(), work.threads.to_string());
    let args = [path, "-p", &prompts, "-n", &tokens, "-r", "1", "--threads", &threads];
    let report = programs.pibit_json("bench", &args)?;
    speeds(&report).context("pibit bench reports no speed")
}

fn speeds(report: &Value) -> Option<Speeds> {
    let prefill = report["prefill"].as_array()?.iter().map(|p| p["median"].as_f64());
    Some(Speeds { prefill: prefill.collect::<Option<_>>()?, decode: report["decode"]["median"].as_f64()? })
}
