//! Traces: written, recorded, read back, and read from whoever means harm.

use domain_types::{ExpertRouter, GateNorm, Gating};
use moe_routing::routing::StandardRouter;
use moe_routing::trace::{RoutingTrace, TraceHeader, TraceRecorder, TraceWriter, read_trace};
use moe_routing::{MoeError, SyntheticTrace};
use proptest::prelude::*;

const HEADER: &str = r#"{"format":"pibit-routes","version":1,"layers":2,"experts":3,"top_k":1,"norm":"chosen","expert_bytes":1000}"#;

fn header() -> TraceHeader {
    TraceHeader::new(2, Gating::new(3, 1, GateNorm::Chosen).unwrap(), 1000).unwrap()
}

fn write(trace: &RoutingTrace) -> Vec<u8> {
    let mut writer = TraceWriter::new(Vec::new(), *trace.header()).unwrap();
    for token in 0..trace.tokens() {
        let layers = 0..trace.header().layers();
        let logits: Vec<f32> = layers.flat_map(|layer| trace.logits(token, layer).to_vec()).collect();
        writer.push(trace.domain(token), &logits).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn the_text_is_as_documented() {
    let mut trace = RoutingTrace::new(header());
    trace.push("math", &[0.5, -1.0, 2.0, 1.5, 0.0, -0.25]).unwrap();
    trace.push("", &[0.0; 6]).unwrap();
    let text = String::from_utf8(write(&trace)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], HEADER);
    assert_eq!(lines[1], r#"{"domain":"math","logits":[[0.5,-1.0,2.0],[1.5,0.0,-0.25]]}"#);
    assert_eq!(lines[2], r#"{"logits":[[0.0,0.0,0.0],[0.0,0.0,0.0]]}"#);
    assert_eq!(read_trace(text.as_bytes()).unwrap(), trace);
}

#[test]
fn synthetic_traces_survive_exactly() {
    let trace = SyntheticTrace::mixtral(20, 3).generate().unwrap();
    assert_eq!(read_trace(&write(&trace)[..]).unwrap(), trace);
    assert_ne!(trace, SyntheticTrace::mixtral(20, 4).generate().unwrap());
}

#[test]
fn a_recorder_takes_tokens_in_either_order() {
    let logits = |token: usize, layer: usize| [token as f32, layer as f32, 0.5];
    let record = |order: &[(usize, usize)]| {
        let router = StandardRouter::new(header().gating());
        let writer = TraceWriter::new(Vec::new(), header()).unwrap();
        let mut recorder = TraceRecorder::new(router, writer).unwrap();
        recorder.set_domain("code");
        let mut chosen = Vec::new();
        for &(token, layer) in order {
            recorder.route(layer, &logits(token, layer), &[false; 3], &mut chosen).unwrap();
            assert_eq!(chosen.len(), 1, "the router inside decides");
        }
        assert!(recorder.route(2, &[0.0; 3], &[false; 3], &mut chosen).is_err());
        read_trace(&recorder.finish().unwrap()[..]).unwrap()
    };
    let by_token = record(&[(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]);
    let by_layer = record(&[(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]);
    assert_eq!((by_token.tokens(), by_token.domain(1)), (3, "code"));
    assert_eq!(by_token, by_layer);
    assert_eq!(by_layer.logits(2, 1), logits(2, 1));
    let unfinished = record(&[(0, 0), (0, 1), (1, 0)]);
    assert_eq!(unfinished.tokens(), 1, "a token without its last layer is no token");
}

#[test]
fn harm_is_named_with_its_line() {
    let read = |text: &str| match read_trace(text.as_bytes()) {
        Err(MoeError::BadTrace { line, reason }) => (line, reason),
        other => panic!("{other:?}"),
    };
    let token = r#"{"logits":[[0.5,-1.0,2.0],[1.5,0.0,-0.25]]}"#;
    let cases = [
        (String::new(), 1, "empty"),
        ("\n".into(), 1, "EOF"),
        ("x".repeat(5000), 1, "longer than 4096"),
        (HEADER.replace("routes", "roots"), 1, "not pibit-routes"),
        (HEADER.replace(r#""version":1"#, r#""version":2"#), 1, "version 2"),
        (HEADER.replace(r#""top_k":1"#, r#""top_k":4"#), 1, "4 of 3 experts"),
        (HEADER.replace(r#""layers":2"#, r#""layers":0"#), 1, "out of range"),
        (HEADER.replace(r#""layers":2"#, r#""layers":18446744073709551615"#), 1, "out of range"),
        (HEADER.replace(r#""experts":3"#, r#""experts":-3"#), 1, "invalid value"),
        (HEADER.replace(r#""expert_bytes":1000"#, r#""expert_bytes":0"#), 1, "out of range"),
        (format!("{HEADER}\n{token}\n{}", token.replace(",2.0", "")), 3, "2 layers of 3"),
        (format!("{HEADER}\n{}", token.replace("2.0", "1e39")), 2, ""),
        (format!("{HEADER}\n{}", token.replace("2.0", "NaN")), 2, ""),
        (format!("{HEADER}\n{}", token.replace("2.0", "null")), 2, "null"),
        (format!("{HEADER}\n{}", "[".repeat(3000)), 2, ""),
        (format!("{HEADER}\n{token}\n{}", "9".repeat(10_000)), 3, "longer than"),
    ];
    for (text, line, reason) in cases {
        let found = read(&text);
        assert!(found.0 == line && found.1.contains(reason), "{found:?} for {line}: {reason}");
    }
}

#[test]
fn bad_tokens_are_not_written() {
    let mut writer = TraceWriter::new(Vec::new(), header()).unwrap();
    assert!(matches!(writer.push("", &[0.0; 5]), Err(MoeError::Length { .. })));
    let e = writer.push("", &[0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0]).unwrap_err();
    assert!(matches!(e, MoeError::BadLogit { layer: 1, expert: 1, .. }), "{e}");
    assert_eq!(read_trace(&writer.finish().unwrap()[..]).unwrap().tokens(), 0);
}

proptest! {
    /// Whatever a reader is given, it answers; what it accepts, it writes back as it was.
    #[test]
    fn any_bytes_are_survived(flips in prop::collection::vec((0..400_usize, any::<u8>()), 0..6), cut in 0..400_usize) {
        let token = r#"{"domain":"d","logits":[[0.5,-1.0,2.0],[1.5,0.0,-0.25]]}"#;
        let mut bytes = format!("{HEADER}\n{token}\n{token}\n").into_bytes();
        for (at, byte) in flips {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        bytes.truncate(cut.max(50));
        if let Ok(trace) = read_trace(&bytes[..]) {
            prop_assert_eq!(read_trace(&write(&trace)[..]).unwrap(), trace);
        }
    }
}
