use super::*;

/// Tokens are bytes, 0 ends a text.
struct Bytes;

impl Tokenizer for Bytes {
    fn vocab_size(&self) -> usize {
        256
    }

    fn encode(&self, text: &str, _: bool) -> Result<Vec<TokenId>, PortError> {
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
        let bytes: Vec<u8> = tokens.iter().map(|&t| t as u8).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bos(&self) -> Option<TokenId> {
        None
    }

    fn eos(&self) -> &[TokenId] {
        &[0]
    }

    fn token_id(&self, _: &str) -> Option<TokenId> {
        None
    }
}

/// Recites a text: after so many positions, the logit of its next byte is the largest.
struct Reciter {
    text: &'static [u8],
    prompt: usize,
    position: usize,
    context: usize,
    calls: Vec<usize>,
}

impl TokenModel for Reciter {
    fn vocab_size(&self) -> usize {
        256
    }

    fn context_length(&self) -> usize {
        self.context
    }

    fn position(&self) -> usize {
        self.position
    }

    fn reset(&mut self) {
        self.position = 0;
    }

    fn forward(
        &mut self,
        tokens: &[TokenId],
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), PortError> {
        self.position += tokens.len();
        self.calls.push(tokens.len());
        logits.clear();
        if rows == LogitRows::Last {
            logits.resize(256, 0.0);
            let next = self.text.get(self.position - self.prompt).copied().unwrap_or(0);
            logits[usize::from(next)] = 1.0;
        }
        Ok(())
    }
}

fn greedy(logits: &[f32]) -> Result<TokenId, PortError> {
    let best = logits.iter().position(|&x| x == 1.0);
    best.map(|at| at as TokenId).ok_or_else(|| PortError::invalid("no logit"))
}

fn reciter(text: &'static str, prompt: usize, context: usize) -> Reciter {
    Reciter { text: text.as_bytes(), prompt, position: 0, context, calls: Vec::new() }
}

/// All steps to the end.
fn run(model: &mut Reciter, max_tokens: usize) -> Vec<Step> {
    let prompt = vec![1; model.prompt];
    let mut generation = Generation::new(model, prompt, GenerationLimits { max_tokens }).unwrap();
    let mut steps = Vec::new();
    while !matches!(steps.last(), Some(Step::End { .. })) {
        steps.push(generation.step(model, &Bytes, &mut greedy).unwrap());
    }
    steps
}

fn text(steps: &[Step]) -> String {
    let part = |step: &Step| match step {
        Step::Prompt { .. } => String::new(),
        Step::Token { text, .. } | Step::End { text, .. } => text.clone(),
    };
    steps.iter().map(part).collect()
}

fn reason(steps: &[Step]) -> StopReason {
    match steps.last() {
        Some(Step::End { reason, .. }) => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_comes_token_by_token_and_in_whole_characters() {
    let steps = run(&mut reciter("aé€😀z", 3, 64), 50);
    assert_eq!((text(&steps).as_str(), reason(&steps)), ("aé€😀z", StopReason::EndOfText));
    assert!(!steps.iter().any(|s| matches!(s, Step::Token { text, .. } if text.contains('\u{FFFD}'))));
}

#[test]
fn prompts_are_read_in_slices() {
    let mut model = reciter("ab", 70, 100);
    let steps = run(&mut model, 50);
    assert_eq!(model.calls, [32, 32, 6, 1, 1]);
    assert_eq!(steps[1], Step::Prompt { done: 64, tokens: 70 });
}

#[test]
fn each_end_has_its_reason() {
    let steps = run(&mut reciter("abc", 1, 64), 2);
    assert_eq!((text(&steps).as_str(), reason(&steps)), ("ab", StopReason::MaxTokens));
    let steps = run(&mut reciter("abcdef", 2, 4), 50);
    assert_eq!((text(&steps).as_str(), reason(&steps)), ("abc", StopReason::ContextFull));
    let steps = run(&mut reciter("a", 1, 64), 0);
    assert_eq!((text(&steps).as_str(), reason(&steps)), ("", StopReason::MaxTokens));
}

#[test]
fn an_unfinished_character_is_shown_at_the_end_only() {
    let steps = run(&mut reciter("€", 1, 64), 2);
    assert_eq!((text(&steps).as_str(), reason(&steps)), ("\u{FFFD}", StopReason::MaxTokens));
}

#[test]
fn a_stop_ends_it_wherever_it_is() {
    for before in 0..4 {
        let mut model = reciter("abcdef", 40, 64);
        let mut generation =
            Generation::new(&model, vec![1; 40], GenerationLimits { max_tokens: 9 }).unwrap();
        for _ in 0..before {
            generation.step(&mut model, &Bytes, &mut greedy).unwrap();
        }
        generation.stop();
        let step = generation.step(&mut model, &Bytes, &mut greedy).unwrap();
        assert!(matches!(step, Step::End { reason: StopReason::Stopped, .. }), "{before}: {step:?}");
    }
}

#[test]
fn prompts_that_cannot_be_read_are_refused() {
    let model = reciter("", 1, 8);
    let limits = GenerationLimits { max_tokens: 1 };
    assert_eq!(Generation::new(&model, vec![], limits).unwrap_err().code(), "emptyPrompt");
    let error = Generation::new(&model, vec![1; 9], limits).unwrap_err();
    assert!(matches!(error, RuntimeError::ContextFull { tokens: 9, free: 8 }), "{error}");
}

#[test]
fn a_failing_sampler_is_reported() {
    let mut model = reciter("a", 1, 8);
    let mut generation = Generation::new(&model, vec![1], GenerationLimits { max_tokens: 3 }).unwrap();
    let mut fail = |_: &[f32]| Err(PortError::invalid("no logit is finite"));
    generation.step(&mut model, &Bytes, &mut fail).unwrap();
    assert_eq!(generation.step(&mut model, &Bytes, &mut fail).unwrap_err().code(), "badInput");
}
