//! G2: quantization-aware training converges, in little memory. Read from the log of a run: training takes hours.

use super::input::GateInput;
use super::measured::Measured;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What the gate reads of a line; the rest is ignored.
#[derive(Deserialize)]
struct Line {
    event: Option<String>,
    loss: Option<f64>,
    reasoning_score: Option<f64>,
    peak_memory_bytes: Option<f64>,
}

pub(super) fn measure(input: &GateInput) -> Result<Measured> {
    let Some(path) = &input.qat_log else {
        return Ok(Measured::absent("give --qat-log: the events of a training run, a JSON object a line"));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let lines = text.lines().enumerate().map(|(at, line)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), at + 1))
    });
    let lines: Vec<Line> = lines.collect::<Result<_>>()?;
    let epochs: Vec<&Line> =
        lines.iter().filter(|line| line.event.as_deref() == Some("QatEpochComplete")).collect();
    let [first, .., last] = &epochs[..] else {
        return Ok(Measured::absent("the log has fewer than two QatEpochComplete events"));
    };
    let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let peak = lines.iter().filter_map(|line| line.peak_memory_bytes).reduce(f64::max);
    Ok([
        ("loss_ratio", number(last.loss) / number(first.loss)),
        ("reasoning_loss", number(first.reasoning_score) - number(last.reasoning_score)),
        ("peak_memory_gb", number(peak) / 1e9),
    ]
    .into())
}
