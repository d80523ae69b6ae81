//! Who decodes the next token, from how long the last ones took.

/// Tokens that are judged together.
const WINDOW: u32 = 8;
/// Of the first window, so that short answers gain, too.
const FIRST_WINDOW: u32 = 4;
/// Tokens of a trial.
const TRIAL: u32 = 4;
/// A window is disturbed where its tokens take so much longer than the fastest one. On an idle machine they take the same
/// within some percent.
const DISTURBED: f64 = 1.25;
/// The fastest token is forgotten slowly: with a longer context tokens take longer.
const FORGET: f64 = 1.002;
/// Windows between two trials of all threads while fewer decode.
const RETURN: u32 = 8;
/// The most windows between two trials of fewer threads that did not help.
const PATIENCE: u32 = 64;
/// Shorter tokens (seconds) cost less than waking another pool.
const SHORT: f64 = 5e-4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crew {
    /// All threads of the pool.
    All,
    /// One fewer.
    Fewer,
}

/// Times of tokens, and what follows from them.
#[derive(Debug)]
pub(super) struct Choice {
    /// Who decodes when there is no trial.
    settled: Crew,
    /// Whether the other crew is being tried.
    trial: bool,
    /// Tokens that the window is to have.
    window: u32,
    /// Tokens of the window, their seconds, and those of the slowest.
    tokens: u32,
    seconds: f64,
    slowest: f64,
    /// Seconds of a token of the settled crew, in the last window.
    mean: f64,
    /// Seconds of the fastest token of all threads.
    fastest: f64,
    /// Windows until the next trial.
    wait: u32,
    /// Windows that it is put off by when it fails.
    patience: u32,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            settled: Crew::All,
            trial: false,
            window: FIRST_WINDOW,
            tokens: 0,
            seconds: 0.0,
            slowest: 0.0,
            mean: 0.0,
            fastest: f64::INFINITY,
            wait: 0,
            patience: 1,
        }
    }
}

impl Choice {
    /// Who decodes the next token.
    pub(super) fn next(&self) -> Crew {
        match (self.settled, self.trial) {
            (Crew::All, false) | (Crew::Fewer, true) => Crew::All,
            _ => Crew::Fewer,
        }
    }

    /// How long the token took that [`next`](Self::next) was asked for.
    pub(super) fn record(&mut self, seconds: f64) {
        if self.next() == Crew::All {
            self.fastest = (self.fastest * FORGET).min(seconds);
        }
        self.tokens += 1;
        self.seconds += seconds;
        self.slowest = self.slowest.max(seconds);
        if self.tokens < if self.trial { TRIAL } else { self.window } {
            return;
        }
        // Without the slowest: one interruption is no neighbour.
        let mean = (self.seconds - self.slowest) / f64::from(self.tokens - 1);
        (self.tokens, self.seconds, self.slowest) = (0, 0.0, 0.0);
        if self.trial { self.end_trial(mean) } else { self.end_window(mean) }
    }

    fn end_window(&mut self, mean: f64) {
        self.mean = mean;
        self.window = WINDOW;
        self.wait = self.wait.saturating_sub(1);
        let worth_trying = self.settled == Crew::Fewer || mean > DISTURBED * self.fastest;
        self.trial = self.wait == 0 && worth_trying && mean > SHORT;
    }

    fn end_trial(&mut self, mean: f64) {
        self.trial = false;
        match (mean < self.mean, self.settled) {
            (true, Crew::All) => (self.settled, self.wait, self.patience) = (Crew::Fewer, RETURN, 1),
            (true, Crew::Fewer) => (self.settled, self.wait) = (Crew::All, 0),
            (false, Crew::Fewer) => self.wait = RETURN,
            (false, Crew::All) => {
                self.wait = self.patience;
                self.patience = (2 * self.patience).min(PATIENCE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes so many tokens with these times of all threads and of fewer; how many of them all threads decoded.
    fn decode(choice: &mut Choice, tokens: usize, mut all: impl FnMut(usize) -> f64, fewer: f64) -> usize {
        let by_all = (0..tokens).filter(|&token| {
            let crew = choice.next();
            choice.record(if crew == Crew::All { all(token) } else { fewer });
            crew == Crew::All
        });
        by_all.count()
    }

    /// What a neighbour does: tokens between its turns are fast, the others wait for it.
    fn beside_a_neighbour(token: usize) -> f64 {
        if token.is_multiple_of(4) { 0.005 } else { 0.015 }
    }

    #[test]
    fn an_idle_machine_is_never_disturbed_by_trials() {
        let all = |token: usize| 0.005 * (1.0 + 0.1 * (token % 3) as f64) * (1.0 + token as f64 / 2000.0);
        assert_eq!(decode(&mut Choice::default(), 2000, all, 0.010), 2000);
    }

    #[test]
    fn beside_a_neighbour_fewer_threads_decode_and_all_return_when_it_is_gone() {
        let mut choice = Choice::default();
        let by_all = decode(&mut choice, 256, beside_a_neighbour, 0.010);
        assert!(by_all <= 8 + 4 * 4, "{by_all} of 256");
        let by_all = decode(&mut choice, 256, |_| 0.005, 0.010);
        assert!(by_all >= 256 - 9 * 8, "{by_all} of 256");
    }

    #[test]
    fn trials_that_do_not_help_become_rare() {
        let by_all = decode(&mut Choice::default(), 2048, beside_a_neighbour, 0.030);
        assert!((2048 - 10 * 4..2048).contains(&by_all), "{by_all} of 2048");
    }

    #[test]
    fn one_interruption_changes_nothing() {
        let all = |token: usize| if token.is_multiple_of(16) { 0.2 } else { 0.005 };
        assert_eq!(decode(&mut Choice::default(), 2048, all, 0.010), 2048);
    }

    #[test]
    fn short_tokens_are_left_alone() {
        assert_eq!(decode(&mut Choice::default(), 256, |t| beside_a_neighbour(t) / 100.0, 1e-5), 256);
    }
}
