//! Sampling and generation with a model whose logits are known.

use domain_types::{LogitRows, PortError, TokenId, TokenModel, Tokenizer};
use inference::{Finish, GenerateOptions, InferenceError, Sampler, SamplerOptions, generate};
use proptest::prelude::*;
use std::ops::ControlFlow;

/// After token t, t + 1 is most likely.
struct Counter {
    position: usize,
    context: usize,
}

impl TokenModel for Counter {
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

    fn forward(&mut self, tokens: &[TokenId], _: LogitRows, logits: &mut Vec<f32>) -> Result<(), PortError> {
        if self.position + tokens.len() > self.context {
            return Err(PortError::invalid("does not fit"));
        }
        self.position += tokens.len();
        logits.clear();
        logits.resize(256, 0.0);
        logits[(tokens[tokens.len() - 1] as usize + 1) % 256] = 9.0;
        Ok(())
    }
}

/// Tokens are ASCII characters; `~` ends generation. The model has more rows than there are characters.
struct Ascii;

impl Tokenizer for Ascii {
    fn vocab_size(&self) -> usize {
        128
    }

    fn encode(&self, text: &str, _: bool) -> Result<Vec<TokenId>, PortError> {
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
        Ok(tokens.iter().map(|&t| char::from(t as u8)).collect())
    }

    fn bos(&self) -> Option<TokenId> {
        None
    }

    fn eos(&self) -> &[TokenId] {
        &[b'~' as TokenId]
    }

    fn token_id(&self, _: &str) -> Option<TokenId> {
        None
    }
}

fn run(context: usize, prompt: &str, max_tokens: usize, stop: &str, until: usize) -> (String, Finish, usize) {
    let mut model = Counter { position: 0, context };
    let mut sampler = Sampler::new(SamplerOptions::greedy()).expect("valid");
    let options = GenerateOptions { max_tokens, stop: Ascii.encode(stop, false).expect("encodes") };
    let mut pieces = Vec::new();
    let mut listen = |piece: &str| {
        pieces.push(piece.to_owned());
        if pieces.len() == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let prompt = Ascii.encode(prompt, false).expect("encodes");
    let out = generate(&mut model, &Ascii, &prompt, &mut sampler, &options, &mut listen).expect("generates");
    assert_eq!(pieces.concat(), out.text, "the stream and the result agree");
    assert_eq!(Ascii.decode(&out.tokens).expect("decodes"), out.text);
    (out.text, out.finish, model.position)
}

#[test]
fn generation_ends_for_every_reason() {
    assert_eq!(run(99, "xa", 5, "", 0), ("bcdef".into(), Finish::MaxTokens, 6));
    assert_eq!(run(99, "x", 50, "", 0), ("yz{|}".into(), Finish::Stop, 6));
    assert_eq!(run(99, "a", 50, "e", 0), ("bcd".into(), Finish::Stop, 4));
    assert_eq!(run(4, "ab", 50, "", 0), ("cde".into(), Finish::ContextFull, 4));
    assert_eq!(run(99, "a", 50, "", 2), ("bc".into(), Finish::Cancelled, 2));
    assert_eq!(run(99, "a", 0, "", 0), (String::new(), Finish::MaxTokens, 1));
}

/// The model finds token 128 most likely, which is a row that pads its embedding.
#[test]
fn padded_rows_are_never_drawn() {
    let (text, finish, _) = run(99, "\u{7f}", 3, "", 0);
    assert_eq!((text.as_str(), finish), ("\0\u{1}\u{2}", Finish::MaxTokens));
    let mut warm = SamplerOptions::greedy();
    (warm.temperature, warm.seed) = (50.0, 3);
    let mut sampler = Sampler::new(warm).expect("valid");
    let options = GenerateOptions { max_tokens: 90, ..GenerateOptions::default() };
    let mut model = Counter { position: 0, context: 99 };
    let out =
        generate(&mut model, &Ascii, &[127], &mut sampler, &options, &mut |_| ControlFlow::Continue(()));
    assert!(out.expect("generates").tokens.iter().all(|&token| token < 128));
}

#[test]
fn an_empty_prompt_is_refused() {
    let mut model = Counter { position: 0, context: 9 };
    let mut sampler = Sampler::new(SamplerOptions::greedy()).expect("valid");
    let options = GenerateOptions::default();
    let out = generate(&mut model, &Ascii, &[], &mut sampler, &options, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(out, Err(InferenceError::EmptyPrompt)));
}

fn draws(options: SamplerOptions, logits: &[f32], n: usize) -> Vec<TokenId> {
    let mut sampler = Sampler::new(options).expect("valid");
    (0..n).map(|_| sampler.sample(logits).expect("finite")).collect()
}

fn unfiltered(temperature: f32, seed: u64) -> SamplerOptions {
    SamplerOptions { temperature, top_k: 0, top_p: 1.0, min_p: 0.0, seed }
}

#[test]
fn a_seed_means_the_same_tokens_for_ever() {
    let logits: Vec<f32> = (0..100).map(|i| (i * 37 % 100) as f32 / 40.0).collect();
    let first = draws(unfiltered(1.0, 42), &logits, 8);
    // From numpy's PCG-64, by golden/make_draws.py. A change breaks everyone's reproducibility.
    assert_eq!(first, [75, 83, 29, 51, 26, 65, 97, 1]);
    assert_ne!(draws(unfiltered(1.0, 43), &logits, 8), first);
}

#[test]
fn frequencies_follow_the_tempered_softmax() {
    let logits = [1.0, 0.0, -1.0];
    for temperature in [0.5_f32, 1.0, 2.0] {
        let n = 20_000;
        let drawn = draws(unfiltered(temperature, 7), &logits, n);
        let total: f32 = logits.iter().map(|x| (x / temperature).exp()).sum();
        for (token, logit) in logits.iter().enumerate() {
            let expected = (logit / temperature).exp() / total;
            let share = drawn.iter().filter(|&&t| t as usize == token).count() as f32 / n as f32;
            // Five standard deviations.
            let slack = 5.0 * (expected * (1.0 - expected) / n as f32).sqrt();
            assert!(
                (share - expected).abs() < slack,
                "{token} at {temperature}: {share}, expected {expected}"
            );
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_never_chosen() {
    let logits = [f32::NAN, -3.0, f32::INFINITY, f32::NEG_INFINITY, -2.0, f32::NAN];
    assert_eq!(draws(SamplerOptions::greedy(), &logits, 1), [4]);
    for token in draws(unfiltered(5.0, 1), &logits, 200) {
        assert!([1, 4].contains(&token), "{token}");
    }
    for options in [SamplerOptions::greedy(), SamplerOptions::default()] {
        for bad in [&[f32::NAN; 3][..], &[]] {
            let drawn = Sampler::new(options).expect("valid").sample(bad);
            assert!(matches!(drawn, Err(InferenceError::NoFiniteLogit)));
        }
    }
}

#[test]
fn options_outside_their_range_are_refused() {
    let usual = SamplerOptions::default();
    for bad in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
        assert!(Sampler::new(SamplerOptions { top_p: bad, ..usual }).is_err());
        assert!(Sampler::new(SamplerOptions { min_p: bad, ..usual }).is_err());
    }
    for bad in [f32::NAN, -0.1, f32::INFINITY] {
        let e = Sampler::new(SamplerOptions { temperature: bad, ..usual }).err().expect("must be refused");
        assert!(e.to_string().contains("temperature"), "{e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_options_and_logits_draw_a_token_that_the_filters_leave(
        logits in prop::collection::vec(-30.0_f32..30.0, 1..50),
        temperature in 0.0_f32..3.0,
        top_k in 0_usize..60,
        top_p in 0.01_f32..=1.0,
        min_p in 0.0_f32..=1.0,
        seed: u64,
    ) {
        let options = SamplerOptions { temperature, top_k, top_p, min_p, seed };
        let tokens = draws(options, &logits, 20);
        prop_assert_eq!(&tokens, &draws(options, &logits, 20));
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for token in tokens {
            let logit = logits[token as usize];
            prop_assert!(logit == largest || temperature > 0.0);
            prop_assert!((logit - largest).exp() >= min_p - 1e-5);
            let larger = logits.iter().filter(|&&x| x > logit).count();
            prop_assert!(top_k == 0 || larger < top_k);
        }
    }
}
