//! Programs are run again by an interpreter that knows nothing of how they were made.

use super::arithmetic::apply;
use proptest::prelude::*;
use qat_training::corpus::{Corpus, Domain, Split};
use std::collections::HashMap;

/// What a program does.
#[derive(Default)]
pub(crate) struct Execution {
    variables: HashMap<String, i64>,
    /// One line per assignment, `skip` for a condition that fails, and the output.
    lines: Vec<String>,
    /// Operands of every operation that ran.
    pub(crate) operations: Vec<(i64, char, i64)>,
}

/// Runs a program in the corpus's subset of Python.
pub(crate) fn run(program: &str) -> Execution {
    let mut execution = Execution::default();
    program.lines().for_each(|line| execution.statement(line));
    execution
}

impl Execution {
    fn statement(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("if ") {
            let (condition, body) = rest.split_once(':').expect("a body");
            let (left, right) = condition.split_once('>').expect("a comparison");
            if self.value(left) > self.value(right) {
                self.assignment(body);
            } else {
                self.lines.push("skip".into());
            }
        } else if let Some(rest) = line.strip_prefix("for i in range(") {
            let (times, body) = rest.split_once("):").expect("a body");
            (0..self.value(times)).for_each(|_| self.assignment(body));
        } else if let Some(rest) = line.strip_prefix("print(") {
            let value = self.value(rest.trim_end_matches(')'));
            self.lines.push(format!("Output: {value}"));
        } else {
            self.assignment(line);
        }
    }

    fn assignment(&mut self, statement: &str) {
        let (target, expression) = statement.split_once('=').expect("an assignment");
        let value = match expression.find(['+', '-', '*']) {
            None => self.value(expression),
            Some(at) => {
                let (a, b) = (self.value(&expression[..at]), self.value(&expression[at + 1..]));
                let op = expression.as_bytes()[at] as char;
                self.operations.push((a, op, b));
                apply(op, a, b)
            }
        };
        self.variables.insert(target.to_owned(), value);
        self.lines.push(format!("{target}={value}"));
    }

    fn value(&self, text: &str) -> i64 {
        text.parse().unwrap_or_else(|_| self.variables[text])
    }
}

proptest! {
    #[test]
    fn a_trace_is_what_the_program_does(seed: u64, index in 0_u64..1 << 40, held_out: bool) {
        let split = if held_out { Split::HeldOut } else { Split::Train };
        let sample = Corpus::new(seed).sample(Domain::Code, split, index);
        prop_assert_eq!(run(sample.prompt()).lines.join("\n"), sample.answer(), "{}", sample.prompt());
    }
}
