//! Tokens that may still be drawn.

use domain_types::TokenId;

/// Tokens with their logits, the most likely first once [`keep_top_k`](Self::keep_top_k) has run. At least one
/// candidate survives each filter.
#[derive(Default)]
pub(super) struct Candidates {
    tokens: Vec<Candidate>,
}

/// A token and its logit as one number: smaller is more likely, of equals the lower id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate(u64);

impl Candidate {
    fn new(token: TokenId, logit: f32) -> Self {
        let bits = logit.to_bits();
        // The bits of positive floats are in the order of the floats, those of negative ones in the other.
        let falling = if logit.is_sign_negative() { bits } else { !(bits | 1 << 31) };
        Self(u64::from(falling) << 32 | u64::from(token))
    }

    fn token(self) -> TokenId {
        self.0 as TokenId
    }

    fn logit(self) -> f32 {
        let falling = (self.0 >> 32) as u32;
        f32::from_bits(if falling >> 31 == 1 { falling } else { !falling & !(1 << 31) })
    }
}

impl Candidates {
    /// Starts over with all tokens of finite logit.
    pub(super) fn load(&mut self, logits: &[f32]) {
        self.tokens.clear();
        let finite = logits.iter().enumerate().filter(|(_, x)| x.is_finite());
        self.tokens.extend(finite.map(|(token, &logit)| Candidate::new(token as TokenId, logit)));
    }

    /// Keeps the `k` largest (0 for all), and sorts: largest first, lower id first among equals.
    pub(super) fn keep_top_k(&mut self, k: usize) {
        if k > 0 && k < self.tokens.len() {
            self.tokens.select_nth_unstable(k - 1);
            self.tokens.truncate(k);
        }
        self.tokens.sort_unstable();
    }

    /// Keeps the shortest prefix that holds at least `p` of the probability.
    pub(super) fn keep_top_p(&mut self, p: f32) {
        if p >= 1.0 {
            return;
        }
        let total: f64 = self.weights(1.0).sum();
        let mut reached = 0.0;
        let first_past = self.weights(1.0).position(|weight| {
            reached += weight;
            reached >= f64::from(p) * total
        });
        self.tokens.truncate(first_past.map_or(self.tokens.len(), |at| at + 1));
    }

    /// Keeps what is at least `p` times as likely as the most likely token.
    pub(super) fn keep_min_p(&mut self, p: f32) {
        let kept = self.weights(1.0).take_while(|&weight| weight >= f64::from(p)).count();
        self.tokens.truncate(kept);
    }

    /// The token at `uniform` ∈ [0, 1) of the cumulative distribution at this temperature.
    pub(super) fn draw(&self, temperature: f32, uniform: f64) -> Option<TokenId> {
        let total: f64 = self.weights(temperature).sum();
        let mut left = uniform * total;
        let at = self.weights(temperature).position(|weight| {
            left -= weight;
            left < 0.0
        });
        // Rounding may leave a sliver past the end: it belongs to the last candidate.
        at.map_or(self.tokens.last(), |i| self.tokens.get(i)).map(|candidate| candidate.token())
    }

    /// Probabilities relative to the most likely token, which has 1.
    fn weights(&self, temperature: f32) -> impl Iterator<Item = f64> {
        let largest = self.tokens.first().map_or(0.0, |first| f64::from(first.logit()));
        let scale = f64::from(temperature).recip();
        self.tokens.iter().map(move |candidate| ((f64::from(candidate.logit()) - largest) * scale).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(logits: &[f32]) -> Candidates {
        let mut candidates = Candidates::default();
        candidates.load(logits);
        candidates.keep_top_k(0);
        candidates
    }

    fn probabilities(logits: &[f32]) -> Vec<f64> {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = logits.iter().map(|x| f64::from(x - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|w| w / total).collect()
    }

    proptest! {
        #[test]
        fn top_p_keeps_the_fewest_tokens_that_reach_the_mass(
            logits in prop::collection::vec(-8.0_f32..8.0, 1..60),
            p in 0.01_f32..1.0,
        ) {
            let mut candidates = sorted(&logits);
            candidates.keep_top_p(p);
            let all = probabilities(&logits);
            let mass = |tokens: &[Candidate]| tokens.iter().map(|t| all[t.token() as usize]).sum::<f64>();
            prop_assert!(mass(&candidates.tokens) >= f64::from(p) - 1e-6);
            let (_, fewer) = candidates.tokens.split_last().expect("one survives");
            prop_assert!(mass(fewer) < f64::from(p) + 1e-6);
        }

        #[test]
        fn min_p_keeps_exactly_what_is_likely_enough(
            logits in prop::collection::vec(-8.0_f32..8.0, 1..60),
            p in 0.0_f32..=1.0,
        ) {
            let mut candidates = sorted(&logits);
            candidates.keep_min_p(p);
            let all = probabilities(&logits);
            let largest = all.iter().copied().fold(0.0, f64::max);
            for (token, probability) in all.iter().enumerate() {
                let ratio = probability / largest;
                if (ratio - f64::from(p)).abs() > 1e-5 {
                    let kept = candidates.tokens.iter().any(|t| t.token() as usize == token);
                    prop_assert_eq!(kept, ratio > f64::from(p));
                }
            }
        }

        #[test]
        fn top_k_keeps_the_largest(logits in prop::collection::vec(-8.0_f32..8.0, 1..60), k in 1_usize..70) {
            let mut candidates = Candidates::default();
            candidates.load(&logits);
            candidates.keep_top_k(k);
            prop_assert_eq!(&candidates.tokens, &sorted(&logits).tokens[..k.min(logits.len())]);
        }
    }

    #[test]
    fn candidates_keep_every_logit() {
        let logits = [f32::MAX, 3.5, f32::MIN_POSITIVE, 0.0, -0.0, -1e-40, -3.5, f32::MIN];
        for pair in logits.windows(2) {
            let [more, less] = [pair[0], pair[1]].map(|logit| Candidate::new(7, logit));
            assert!(more < less, "{pair:?}");
            assert_eq!((more.logit().to_bits(), more.token()), (pair[0].to_bits(), 7));
            assert_eq!(less.logit().to_bits(), pair[1].to_bits());
        }
        assert!(Candidate::new(1, 2.0) < Candidate::new(2, 2.0));
    }

    #[test]
    fn a_draw_follows_the_cumulative_distribution() {
        // Probabilities 1/2, 1/4, 1/4 at temperature 1; 2/3, 1/6, 1/6 at temperature 1/2.
        let candidates = sorted(&[0.0, 2.0_f32.ln(), 0.0]);
        let draw = |temperature, uniform| candidates.draw(temperature, uniform).unwrap();
        assert_eq!([0.0, 0.49, 0.51, 0.74, 0.76, 0.999].map(|u| draw(1.0, u)), [1, 1, 0, 0, 2, 2]);
        assert_eq!([0.65, 0.68, 0.82, 0.84].map(|u| draw(0.5, u)), [1, 0, 0, 2]);
    }
}
