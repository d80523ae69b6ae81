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
            let p = f64::from((log_p as f32).exp());
            // 0·ln 0 is 0: tokens that a model rules out count where the other does not.
            if p == 0.0 { 0.0 } else { p * (log_p - own.log_probability(x)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_both_rule_out_do_not_count() {
        let row = [1.0, f32::NEG_INFINITY, 0.5];
        let score = RowScore::new(&row, 0, Some(&row));
        assert!(score.is_finite() && score.kld.abs() < 1e-12, "{score:?}");
        // The reference rules out what the model does not: finite. The other way round it is not.
        assert!(RowScore::new(&[1.0, 0.0, 0.5], 0, Some(&row)).is_finite());
        assert!(!RowScore::new(&row, 0, Some(&[1.0, 0.0, 0.5])).is_finite());
    }
}
