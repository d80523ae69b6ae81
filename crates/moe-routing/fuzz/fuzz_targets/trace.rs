//! Routing traces: read, write, read again, compare.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moe_routing::trace::{TraceWriter, read_trace};

fuzz_target!(|bytes: &[u8]| {
    let Ok(trace) = read_trace(bytes) else { return };
    let mut writer = TraceWriter::new(Vec::new(), *trace.header()).expect("memory takes all");
    let mut logits = Vec::new();
    for token in 0..trace.tokens() {
        logits.clear();
        (0..trace.header().layers()).for_each(|layer| logits.extend(trace.logits(token, layer)));
        writer.push(trace.domain(token), &logits).expect("it was read as a trace");
    }
    let again = read_trace(&*writer.finish().expect("memory takes all")).expect("what we write can be read");
    assert!(again == trace, "the trace changed");
});
