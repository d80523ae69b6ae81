//! Evaluation of models whose probabilities are known.

use domain_types::port::NullSink;
use domain_types::testing::CollectingSink;
use domain_types::{DomainEvent, LogitRows, PortError, TokenId, TokenModel};
use inference::{EvalOptions, EvalReport, InferenceError, evaluate, mean_divergence};

/// Gives `logits(position)` whatever the tokens are, and writes down what it is fed.
struct Fixed<F> {
    vocab: usize,
    context: usize,
    logits: F,
    fed: Vec<Vec<TokenId>>,
}

impl<F: FnMut(usize) -> Vec<f32> + Send> Fixed<F> {
    fn new(vocab: usize, logits: F) -> Self {
        Self { vocab, context: 512, logits, fed: Vec::new() }
    }
}

impl<F: FnMut(usize) -> Vec<f32> + Send> TokenModel for Fixed<F> {
    fn vocab_size(&self) -> usize {
        self.vocab
    }

    fn context_length(&self) -> usize {
        self.context
    }

    fn position(&self) -> usize {
        self.fed.last().map_or(0, Vec::len)
    }

    fn reset(&mut self) {
        self.fed.push(Vec::new());
    }

    fn forward(&mut self, tokens: &[TokenId], rows: LogitRows, out: &mut Vec<f32>) -> Result<(), PortError> {
        let start = self.position();
        out.clear();
        for row in rows.range(tokens.len()) {
            out.extend((self.logits)(start + row));
        }
        self.fed.last_mut().expect("was reset").extend_from_slice(tokens);
        Ok(())
    }
}

fn run(
    model: &mut dyn TokenModel,
    reference: Option<&mut dyn TokenModel>,
    tokens: &[TokenId],
    options: EvalOptions,
) -> Result<EvalReport, InferenceError> {
    evaluate(model, reference, tokens, &options, &NullSink, &mut |_| {})
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * b.abs().max(1e-3), "{a}, expected {b}");
}

/// Two tokens; the first has probability e^(−position/100).
fn falling(position: usize) -> Vec<f32> {
    let p = (-(position as f64) / 100.0).exp();
    vec![p.ln() as f32, (1.0 - p).ln() as f32]
}

#[test]
fn the_second_half_is_scored_but_not_the_last_position() {
    let mut model = Fixed::new(2, falling);
    let report = run(&mut model, None, &[0; 512], EvalOptions::default()).expect("runs");
    let nll: Vec<f64> = (256..=510).map(|i| f64::from(i) / 100.0).collect();
    let mean = nll.iter().sum::<f64>() / 255.0;
    let variance = nll.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 255.0;
    assert_eq!((report.tokens, report.chunks), (255, 1));
    close(report.mean_nll, mean);
    close(report.ppl, mean.exp());
    close(report.ppl_err, (variance / 254.0).sqrt() * mean.exp());
    assert_eq!((report.kld_mean, report.kld_p99, report.top1), (None, None, None));
}

#[test]
fn each_position_is_scored_by_the_token_after_it() {
    // Ten tokens; position i gives probability 1/2 to token (i + 1) % 10 and 1/18 to each other.
    let right = |i: usize| {
        let mut logits = vec![(1.0_f32 / 18.0).ln(); 10];
        logits[(i + 1) % 10] = 0.5_f32.ln();
        logits
    };
    let tokens: Vec<TokenId> = (0..40).map(|i| i % 20 % 10).collect();
    let options = EvalOptions { ctx: 20, chunks: None, bos: None };
    close(run(&mut Fixed::new(10, right), None, &tokens, options).expect("runs").ppl, 2.0);
    let shifted: Vec<TokenId> = tokens.iter().map(|t| (t + 1) % 10).collect();
    close(run(&mut Fixed::new(10, right), None, &shifted, options).expect("runs").ppl, 18.0);
}

#[test]
fn divergence_is_that_of_the_reference_from_the_model() {
    let ln = |p: [f64; 3]| p.map(|x| (x.ln() + 3.0) as f32).to_vec();
    let (p, q) = ([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]);
    // One position in ten has a distribution of its own in which both agree on the most likely token.
    let rare = |i: usize| i.is_multiple_of(10);
    let (rare_p, rare_q) = ([0.8, 0.1, 0.1], [0.4, 0.3, 0.3]);
    let mut reference = Fixed::new(3, |i| ln(if rare(i) { rare_p } else { p }));
    let mut model = Fixed::new(3, |i| ln(if rare(i) { rare_q } else { q }));
    let options = EvalOptions { ctx: 41, chunks: Some(3), bos: None };
    let report = run(&mut model, Some(&mut reference), &[0; 200], options).expect("runs");
    let kl = |p: [f64; 3], q: [f64; 3]| p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum::<f64>();
    // Positions 20..=39: 2 rare and 18 others in each chunk.
    assert_eq!(report.tokens, 60);
    close(report.kld_mean.expect("against a reference"), (2.0 * kl(rare_p, rare_q) + 18.0 * kl(p, q)) / 20.0);
    close(report.top1.expect("against a reference"), 0.1);
    close(report.kld_p99.expect("against a reference"), kl(p, q).max(kl(rare_p, rare_q)));
    let json = serde_json::to_value(report).expect("serializes");
    assert!(json["kld_mean"].is_f64() && json["tokens"] == 60);
}

#[test]
fn a_model_does_not_diverge_from_itself() {
    let report = run(
        &mut Fixed::new(2, falling),
        Some(&mut Fixed::new(2, falling)),
        &[0; 1024],
        EvalOptions::default(),
    );
    let report = report.expect("runs");
    assert_eq!((report.kld_mean, report.kld_p99, report.top1), (Some(0.0), Some(0.0), Some(1.0)));
}

#[test]
fn every_chunk_starts_empty_and_bos_replaces_its_first_token() {
    let tokens: Vec<TokenId> = (0..25).collect();
    let mut model = Fixed::new(30, |_| vec![0.0; 30]);
    let options = EvalOptions { ctx: 8, chunks: Some(20), bos: Some(29) };
    let sink = CollectingSink::default();
    let mut seen = Vec::new();
    let report =
        evaluate(&mut model, None, &tokens, &options, &sink, &mut |p| seen.push((p.chunk, p.chunks)));
    close(report.expect("runs").ppl, 30.0);
    let fed: Vec<_> = model.fed.into_iter().filter(|f| !f.is_empty()).collect();
    // The last token of a chunk is only predicted.
    assert_eq!(
        fed,
        [vec![29, 1, 2, 3, 4, 5, 6], vec![29, 9, 10, 11, 12, 13, 14], vec![29, 17, 18, 19, 20, 21, 22]]
    );
    assert_eq!(seen, [(1, 3), (2, 3), (3, 3)]);
    let events = sink.events();
    assert_eq!(events.len(), 3);
    assert!(matches!(events[2], DomainEvent::EvalChunkComplete { chunk: 3, kld_mean: None, .. }));
}

#[test]
fn large_vocabularies_are_scored_in_slices() {
    let vocab = 1 << 20;
    let mut model = Fixed::new(vocab, |_| vec![0.0; 1 << 20]);
    let options = EvalOptions { ctx: 80, chunks: None, bos: None };
    let report = run(&mut model, None, &[7; 80], options).expect("runs");
    assert_eq!(report.tokens, 39);
    close(report.mean_nll, (vocab as f64).ln());
    assert_eq!(model.fed[0].len(), 79);
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let refusal = |model: &mut dyn TokenModel, reference: Option<&mut dyn TokenModel>, n, options| {
        run(model, reference, &vec![0; n], options).expect_err("must be refused").to_string()
    };
    let usual = EvalOptions::default();
    let mut model = Fixed::new(2, falling);
    let text = refusal(&mut model, None, 511, usual);
    assert!(text.contains("511 tokens, less than one chunk of 512"), "{text}");
    let text = refusal(&mut model, Some(&mut Fixed::new(3, |_| vec![0.0; 3])), 512, usual);
    assert!(text.contains("vocabulary of 3"), "{text}");
    for options in [EvalOptions { ctx: 3, ..usual }, EvalOptions { chunks: Some(0), ..usual }] {
        refusal(&mut model, None, 512, options);
    }
    let text = refusal(&mut model, None, 2000, EvalOptions { ctx: 1024, ..usual });
    assert!(text.contains("do not fit a context of 512"), "{text}");
    let text = refusal(&mut Fixed::new(2, |_| vec![f32::NAN; 2]), None, 512, usual);
    assert!(text.contains("no finite logit"), "{text}");
}

#[test]
fn divergence_is_the_mean_over_rows() {
    // KL between (3/4, 1/4) and (1/2, 1/2), and between equal rows, whatever is added to the logits.
    let reference = [3f32.ln(), 0.0, 5.0, 5.0];
    let mean = mean_divergence(&reference, &[7.0, 7.0, -2.0, -2.0], 2).unwrap();
    let first = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
    assert!((mean - first / 2.0).abs() < 1e-6, "{mean}");
    assert!(mean_divergence(&reference, &[f32::NAN; 4], 2).is_err());
}
