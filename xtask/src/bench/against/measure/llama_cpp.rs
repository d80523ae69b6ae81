//! One run of `llama-bench`.

use super::Work;
use crate::bench::against::figures::Speeds;
use crate::bench::against::peer::LlamaCpp;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;

/// Ways to run a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Its default: weights are brought into an order that suits this processor.
    Repacked,
    /// As they are in the file. The kernels for repacked weights crash on some machines, for example on virtual ones
    /// that claim AMX.
    AsStored,
}

impl Mode {
    /// What to try when this fails.
    pub(super) fn next(self) -> Option<Self> {
        (self == Self::Repacked).then_some(Self::AsStored)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Repacked => "as it is",
            Self::AsStored => "with --repack 0",
        })
    }
}

pub(super) fn run(llama_cpp: &LlamaCpp, file: &Path, work: &Work, mode: Mode) -> Result<Speeds> {
    let mut command = llama_cpp.tool("llama-bench");
    command.arg("-m").arg(file).args(["-p", &work.prompt_argument(), "-n", &work.tokens.to_string()]);
    command.args(["-t", &work.threads.to_string(), "-r", "1", "-o", "json"]);
    if mode == Mode::AsStored {
        command.args(["--repack", "0"]);
    }
    let out = command.output().context("llama-bench did not start")?;
    if !out.status.success() {
        bail!("llama-bench failed ({})", out.status);
    }
    let tests: Value = serde_json::from_slice(&out.stdout).context("llama-bench printed no JSON")?;
    speeds(&tests, work).context("llama-bench left out a measurement")
}

/// Takes the speeds out of a list of tests, each with `n_prompt` or `n_gen` tokens.
fn speeds(tests: &Value, work: &Work) -> Option<Speeds> {
    let tests = tests.as_array()?;
    let find = |prompt: usize, tokens: usize| {
        let test = tests.iter().find(|t| t["n_prompt"] == prompt && t["n_gen"] == tokens)?;
        test["avg_ts"].as_f64()
    };
    let prefill = work.prompts.iter().map(|&p| find(p, 0)).collect::<Option<_>>()?;
    Some(Speeds { prefill, decode: find(0, work.tokens)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn speeds_are_taken_from_the_right_tests() {
        let work = Work { prompts: &[64, 256], tokens: 16, threads: 1 };
        let test =
            |n_prompt, n_gen, avg_ts: f64| json!({"n_prompt": n_prompt, "n_gen": n_gen, "avg_ts": avg_ts});
        let mut tests = vec![test(0, 16, 5.0), test(256, 0, 3.0), test(64, 0, 2.0)];
        let found = speeds(&json!(tests), &work).unwrap();
        assert_eq!(found, Speeds { prefill: vec![2.0, 3.0], decode: 5.0 });
        tests.pop();
        assert_eq!(speeds(&json!(tests), &work), None);
    }
}
