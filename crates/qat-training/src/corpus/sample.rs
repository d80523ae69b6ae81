//! One text of the corpus.

use super::{Domain, Task};
use core::ops::Range;

/// A prompt and its answer, which is made of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    domain: Domain,
    prompt: String,
    answer: String,
    steps: Vec<Range<usize>>,
}

impl Sample {
    /// The answer is the steps, one a line, and a last line that draws the conclusion (where there is one).
    pub(super) fn new(domain: Domain, prompt: String, steps: &[String], conclusion: Option<String>) -> Self {
        let mut answer = String::new();
        let mut ranges = Vec::with_capacity(steps.len());
        for line in steps {
            if !answer.is_empty() {
                answer.push('\n');
            }
            let start = answer.len();
            answer.push_str(line);
            ranges.push(start..answer.len());
        }
        if let Some(line) = conclusion {
            answer.push('\n');
            answer.push_str(&line);
        }
        Self { domain, prompt, answer, steps: ranges }
    }

    /// What kind of text this is.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// What is given, without the line break that ends it.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// What is asked for.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// Byte ranges of the answer's steps, in order: the boundaries at which a reasoning loss is taken.
    pub fn step_ranges(&self) -> &[Range<usize>] {
        &self.steps
    }

    /// The text of each step.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|range| &self.answer[range.clone()])
    }

    /// Prompt, line break and answer: what a model is trained on, followed by the end-of-text token.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.prompt, self.answer)
    }

    /// The sample as a question with a known answer.
    pub fn into_task(self) -> Task {
        Task::new(self)
    }
}
