//! Calls are JSON, and their arguments come from the request.

use proptest::prelude::*;
use qat_training::corpus::{Corpus, Domain, Split};
use serde_json::Value;

proptest! {
    #[test]
    fn a_call_is_json_and_copies_from_the_request(seed: u64, index in 0_u64..1 << 40) {
        let sample = Corpus::new(seed).sample(Domain::ToolUse, Split::Train, index);
        let call: Value = serde_json::from_str(sample.answer()).expect("JSON");
        let tools = ["weather", "timer", "message", "buy", "calculate"];
        prop_assert!(tools.contains(&call["name"].as_str().expect("a tool")));
        for (name, value) in call["arguments"].as_object().expect("arguments") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // The operator is the one argument in other words than the request's.
            prop_assert!(name == "op" || sample.prompt().contains(&text), "{} lacks {}", sample.prompt(), text);
        }
    }
}
