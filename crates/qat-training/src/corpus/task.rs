//! Exact-match tasks.

use super::{Domain, Sample};

/// A held-out prompt whose answer is known. Whoever has a model generates greedily after [`Task::prompt`] and hands
/// the text to [`Task::score`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    sample: Sample,
    prompt: String,
}

/// How well a generated answer matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// The whole answer is right, character by character.
    pub exact: bool,
    /// Leading steps that are right: a step counts only where all before it are right too.
    pub steps_right: usize,
    /// Steps of the answer.
    pub steps: usize,
}

impl Task {
    pub(super) fn new(sample: Sample) -> Self {
        let prompt = format!("{}\n", sample.prompt());
        Self { sample, prompt }
    }

    /// The domain.
    pub fn domain(&self) -> Domain {
        self.sample.domain()
    }

    /// Text to continue, line break included.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The right answer.
    pub fn expected(&self) -> &str {
        self.sample.answer()
    }

    /// The right steps.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.sample.steps()
    }

    /// Compares a generated text. A blank line ends the answer, as does the end of the text; white space after the
    /// answer does not count.
    pub fn score(&self, generated: &str) -> Score {
        let answer = generated.split("\n\n").next().unwrap_or_default().trim_end();
        let mut lines = answer.lines();
        let steps_right = self.steps().take_while(|step| lines.next() == Some(step)).count();
        Score { exact: answer == self.expected(), steps_right, steps: self.steps().count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let steps = ["17+25=42".to_owned(), "42-8=34".to_owned()];
        Sample::new(Domain::Arithmetic, "17+25-8=?".into(), &steps, Some("Answer: 34".into())).into_task()
    }

    #[test]
    fn the_right_answer_is_exact() {
        let right = Score { exact: true, steps_right: 2, steps: 2 };
        assert_eq!(task().score("17+25=42\n42-8=34\nAnswer: 34"), right);
        assert_eq!(task().score("17+25=42\n42-8=34\nAnswer: 34\n\n1+1=?"), right);
    }

    #[test]
    fn steps_count_up_to_the_first_mistake() {
        let score = |text| task().score(text);
        assert_eq!(score("17+25=42\n42-8=35\nAnswer: 35"), Score { exact: false, steps_right: 1, steps: 2 });
        assert_eq!(score("17+25=43\n42-8=34\nAnswer: 34").steps_right, 0);
        assert_eq!(score(""), Score { exact: false, steps_right: 0, steps: 2 });
    }
}
