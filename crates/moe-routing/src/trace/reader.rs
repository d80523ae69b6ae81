//! Traces from text that nobody vouches for.

use super::RoutingTrace;
use super::header::{RawHeader, TraceHeader};
use crate::MoeError;
use serde::Deserialize;
use std::io::{BufRead, Read};

/// Logits of a whole trace at most: half a gigabyte.
const MOST_LOGITS: usize = 1 << 27;
/// Bytes of the first line at most.
const HEADER_BYTES: usize = 4096;
/// Bytes that a logit takes at most, and those of the rest of a line.
const LOGIT_BYTES: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    domain: String,
    logits: Vec<Vec<f32>>,
}

/// Reads a whole trace. Memory grows with what was read, never with what a line claims; errors name the line.
pub fn read_trace(mut input: impl BufRead) -> Result<RoutingTrace, MoeError> {
    let mut line = Vec::new();
    let fail = |number: usize, reason: String| MoeError::BadTrace { line: number, reason };
    if !next(&mut input, HEADER_BYTES, &mut line).map_err(|reason| fail(1, reason))? {
        return Err(fail(1, "it is empty".into()));
    }
    let raw: RawHeader = serde_json::from_slice(&line).map_err(|e| fail(1, e.to_string()))?;
    let header = TraceHeader::try_from(raw).map_err(|reason| fail(1, reason))?;
    let most_bytes = HEADER_BYTES + LOGIT_BYTES * header.logits_per_token();
    let mut trace = RoutingTrace::new(header);
    let mut logits = Vec::new();
    for number in 2.. {
        if !next(&mut input, most_bytes, &mut line).map_err(|reason| fail(number, reason))? {
            break;
        }
        if (trace.tokens() + 1) * header.logits_per_token() > MOST_LOGITS {
            return Err(fail(number, format!("more than {MOST_LOGITS} logits; cut the trace into several")));
        }
        let token: Line = serde_json::from_slice(&line).map_err(|e| fail(number, e.to_string()))?;
        let experts = header.gating().experts();
        if token.logits.len() != header.layers() || token.logits.iter().any(|l| l.len() != experts) {
            let expected = format!("{} layers of {experts} logits", header.layers());
            return Err(fail(number, format!("it must have {expected}")));
        }
        logits.clear();
        logits.extend(token.logits.iter().flatten());
        trace.push(&token.domain, &logits).map_err(|e| fail(number, e.to_string()))?;
    }
    Ok(trace)
}

/// The next line, without its end, of at most `most` bytes; `false` at the end.
fn next(input: &mut impl BufRead, most: usize, line: &mut Vec<u8>) -> Result<bool, String> {
    line.clear();
    let read = input.take(most as u64 + 1).read_until(b'\n', line).map_err(|e| e.to_string())?;
    if read > most {
        return Err(format!("it is longer than {most} bytes"));
    }
    Ok(read > 0)
}
