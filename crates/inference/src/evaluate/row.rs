//! One scored position.

/// Scores of one row of logits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RowScore {
    /// −ln p(target).
    pub(super) nll: f64,
    /// KL(reference ‖ model); 0 without a reference.
    pub(super) kld: f64,
    /// Whether reference and model find the same token most likely.
    pub(super) same_top: bool,
}

impl RowScore {
    /// Scores logits against the token that follows, and against a reference's logits of the same length.
    pub(super) fn new(logits: &[f32], target: usize, reference: Option<&[f32]>) -> Self {
        let own = Softmax::new(logits);
        let nll = -own.log_probability(logits[target]);
        let Some(reference) = reference else {
            return Self { nll, kld: 0.0, same_top: true };
        };
        let other = Softmax::new(reference);
        let terms = reference.iter().zip(logits).map(|(&r, &x)| {
            let log_p = other.log_probability(r);
            f64::from((log_p as f32).exp()) * (log_p - own.log_probability(x))
        });
        Self { nll, kld: terms.sum(), same_top: own.argmax == other.argmax }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.nll.is_finite() && self.kld.is_finite()
    }
}

/// What turns logits of a row into log-probabilities.
struct Softmax {
    argmax: usize,
    /// ln Σ exp(logit).
    log_sum: f64,
}

impl Softmax {
    fn new(logits: &[f32]) -> Self {
        let (argmax, max) = logits
            .iter()
            .enumerate()
            .fold((0, f32::NEG_INFINITY), |best, (i, &x)| if x > best.1 { (i, x) } else { best });
        let sum: f64 = logits.iter().map(|x| f64::from((x - max).exp())).sum();
        Self { argmax, log_sum: f64::from(max) + sum.ln() }
    }

    fn log_probability(&self, logit: f32) -> f64 {
        f64::from(logit) - self.log_sum
    }
}
