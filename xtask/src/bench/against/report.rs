//! The results, to read and as JSON.

use super::Args;
use super::figures::{ContestResult, Figures, PROMPTS, TOKENS};
use crate::bench::machine::Machine;
use crate::bench::spread::Samples;
use crate::markdown::{Table, number};
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn markdown(
    machine: &Machine,
    results: &[ContestResult],
    args: &Args,
    notes: &[String],
) -> String {
    let mut text = format!("{machine}\n{}\n", legend(args));
    for threads in &args.threads {
        _ = writeln!(text, "### {threads} thread{}\n", if *threads == 1 { "" } else { "s" });
        let mut table = Table::new(&columns(args.busy));
        for result in results.iter().filter(|r| r.threads == *threads) {
            result.figures.iter().for_each(|f| table.push(&cells(f, &result.figures[0], args.busy)));
        }
        _ = writeln!(text, "{table}");
    }
    for note in notes {
        _ = writeln!(text, "- {note}");
    }
    text
}

fn legend(args: &Args) -> String {
    format!(
        "Tokens per second: median (least–largest); rounds in which every file had its turn: {}. × is pibit over \
         llama.cpp, on the line above with llama.cpp's name. Decoding is {TOKENS} single tokens from an empty context. \
         \"of bandwidth\" is weights read per second over what the same threads read per second from a buffer as large \
         as those weights.\n",
        args.rounds
    )
}

fn columns(busy: bool) -> Vec<String> {
    let mut columns =
        vec!["file".into(), "MB read per token".into(), "decode".into(), "×".into(), "of bandwidth".into()];
    for prompt in PROMPTS {
        columns.extend([format!("prefill {prompt}"), "×".into()]);
    }
    if busy {
        columns.extend(["decode, one core busy".into(), "kept".into()]);
    }
    columns
}

fn cells(own: &Figures, theirs: &Figures, busy: bool) -> Vec<String> {
    let megabytes = number(own.contender.weight_bytes as f64 / 1e6);
    let share = |share: Option<f64>| share.map_or_else(String::new, |s| format!("{:.0}%", s * 100.0));
    let ratio = |own_samples: &Samples, their_samples: &Samples| match ratio(own_samples, their_samples) {
        Some(ratio) if own.contender.ours => number(ratio),
        _ => String::new(),
    };
    let mut cells = vec![own.contender.name(), megabytes, with_range(&own.decode)];
    cells.extend([ratio(&own.decode, &theirs.decode), share(own.bandwidth_share())]);
    for (samples, peer) in own.prefill.iter().zip(&theirs.prefill) {
        cells.extend([with_range(samples), ratio(samples, peer)]);
    }
    if busy {
        cells.extend([with_range(&own.busy), share(own.kept())]);
    }
    cells
}

fn with_range(samples: &Samples) -> String {
    match (samples.median(), samples.range()) {
        (Some(median), Some((min, max))) => format!("{} ({}–{})", number(median), number(min), number(max)),
        _ => "failed".into(),
    }
}

fn ratio(own: &Samples, theirs: &Samples) -> Option<f64> {
    Some(own.median()? / theirs.median()?)
}

pub(super) fn json(machine: &Machine, results: &[ContestResult], notes: &[String]) -> Value {
    let contests: Vec<_> = results.iter().map(contest).collect();
    json!({"machine": machine.json(), "contests": contests, "notes": notes})
}

fn contest(result: &ContestResult) -> Value {
    let figures = result.figures.iter().map(|own| contender(own, &result.figures[0]));
    json!({"threads": result.threads, "contenders": figures.collect::<Vec<_>>()})
}

fn contender(own: &Figures, theirs: &Figures) -> Value {
    let prefill = PROMPTS.iter().zip(own.prefill.iter().zip(&theirs.prefill)).map(|(tokens, (own, theirs))| {
        json!({"tokens": tokens, "tokens_per_second": own.json(), "ratio": ratio(own, theirs)})
    });
    json!({
        "program": own.contender.program(),
        "format": own.contender.format,
        "weight_bytes": own.contender.weight_bytes,
        "decode": {"tokens_per_second": own.decode.json(), "ratio": ratio(&own.decode, &theirs.decode)},
        "prefill": prefill.collect::<Vec<_>>(),
        "read_gb_per_second": own.bandwidth.json(),
        "bandwidth_share": own.bandwidth_share(),
        "decode_busy": {"tokens_per_second": own.busy.json(), "kept": own.kept()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::against::contest::Contender;
    use crate::bench::against::figures::Speeds;

    fn figures(ours: bool, decode: f64) -> Figures {
        let contender = Contender { format: "q2_k", file: "a.gguf".into(), weight_bytes: 100_000_000, ours };
        let mut figures = Figures::new(contender);
        figures.push(&Speeds { prefill: vec![200.0, 400.0], decode });
        figures.bandwidth.push(20.0);
        figures
    }

    #[test]
    fn ratios_are_ours_over_theirs() {
        let (theirs, ours) = (figures(false, 50.0), figures(true, 100.0));
        let cells = cells(&ours, &theirs, true);
        assert_eq!(cells.len(), columns(true).len());
        assert_eq!(cells[..5], ["pibit q2_k", "100", "100 (100–100)", "2.00", "50%"]);
        assert_eq!(cells[9..], ["failed", ""]);
        assert_eq!(super::cells(&theirs, &theirs, false)[3], "");
        assert_eq!(contender(&ours, &theirs)["decode"]["ratio"], 2.0);
    }
}
