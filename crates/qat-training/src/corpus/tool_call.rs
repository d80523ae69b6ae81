//! Requests answered by a tool call in JSON. Held out is the call, whatever words asked for it.

use super::words::{CITIES, COLOURS, NAMES, OBJECTS};
use super::{Domain, Sample, Split};
use crate::random::Rng;

/// A request and the call that answers it.
struct Request {
    words: String,
    tool: &'static str,
    arguments: String,
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Option<Sample> {
    let Request { words, tool, arguments } = match rng.range(0, 4) {
        0 => weather(rng),
        1 => timer(rng),
        2 => message(rng),
        3 => buy(rng),
        _ => calculate(rng),
    };
    let call = format!(r#"{{"name":"{tool}","arguments":{{{arguments}}}}}"#);
    (Split::of(&call) == split).then(|| Sample::new(Domain::ToolUse, words, &[call], None))
}

fn weather(rng: &mut Rng) -> Request {
    let (city, day) = (rng.pick(&CITIES), rng.pick(&["today", "tomorrow", "Monday", "Friday", "Sunday"]));
    let words = match rng.range(0, 2) {
        0 => format!("What is the weather in {city} {day}?"),
        1 => format!("Tell me the weather {day} in {city}."),
        _ => format!("Will it rain in {city} {day}?"),
    };
    Request { words, tool: "weather", arguments: format!(r#""city":"{city}","day":"{day}""#) }
}

fn timer(rng: &mut Rng) -> Request {
    let (n, unit) = (rng.range(2, 90), rng.pick(&["seconds", "minutes", "hours"]));
    let words = match rng.range(0, 2) {
        0 => format!("Set a timer for {n} {unit}."),
        1 => format!("Wake me in {n} {unit}."),
        _ => format!("I need a timer of {n} {unit}."),
    };
    Request { words, tool: "timer", arguments: format!(r#""{unit}":{n}"#) }
}

fn message(rng: &mut Rng) -> Request {
    let who = rng.pick(&NAMES);
    let text = format!("{} {}", rng.pick(&["Call", "Meet", "Ask", "Help"]), rng.pick(&NAMES));
    let words = match rng.range(0, 2) {
        0 => format!("Send {who} a message: {text}"),
        1 => format!("Write to {who}: {text}"),
        _ => format!("Tell {who} this: {text}"),
    };
    Request { words, tool: "message", arguments: format!(r#""to":"{who}","text":"{text}""#) }
}

fn buy(rng: &mut Rng) -> Request {
    let (n, colour, object) = (rng.range(2, 20), rng.pick(&COLOURS), rng.pick(&OBJECTS));
    let words = match rng.range(0, 2) {
        0 => format!("Buy {n} of the {colour} {object}."),
        1 => format!("I want {n} times the {object} in {colour}."),
        _ => format!("Order the {colour} {object}, {n} of them."),
    };
    let arguments = format!(r#""item":"{object}","colour":"{colour}","count":{n}"#);
    Request { words, tool: "buy", arguments }
}

fn calculate(rng: &mut Rng) -> Request {
    let (a, b) = (rng.range(100, 999), rng.range(100, 999));
    let (op, verb) = rng.pick(&[("add", "plus"), ("subtract", "minus"), ("multiply", "times")]);
    let words = match rng.range(0, 1) {
        0 => format!("What is {a} {verb} {b}?"),
        _ => format!("Tell me {a} {verb} {b}."),
    };
    Request { words, tool: "calculate", arguments: format!(r#""op":"{op}","a":{a},"b":{b}"#) }
}
