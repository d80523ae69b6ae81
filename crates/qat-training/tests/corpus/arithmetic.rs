//! Every step is recomputed, and every prompt is read again from its words.

use proptest::prelude::*;
use qat_training::corpus::{Corpus, Domain, Split};

/// Operands, operation and result of a step: `47+38:7+8=15,4+3+1=8,85` or `4*6=24`.
pub(crate) fn parse(step: &str) -> Option<(i64, char, i64, i64)> {
    let (left, working) = step.split_once([':', '='])?;
    let at = left.find(['+', '-', '*'])?;
    let op = left[at..].chars().next()?;
    let result = working.rsplit(',').next()?;
    Some((left[..at].parse().ok()?, op, left[at + 1..].parse().ok()?, result.parse().ok()?))
}

/// The equations between the operands and the result: `7+8=15` and `4+3+1=8`.
pub(crate) fn working(step: &str) -> Vec<(&str, i64)> {
    let Some((_, working)) = step.split_once(':') else { return Vec::new() };
    let equation =
        |text: &'_ str| text.split_once('=').map(|(left, result)| (left.len(), result.parse().unwrap()));
    working.split(',').filter_map(|text| equation(text).map(|(end, result)| (&text[..end], result))).collect()
}

pub(crate) fn apply(op: char, a: i64, b: i64) -> i64 {
    match op {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        _ => panic!("no operation {op}"),
    }
}

/// What a prompt asks for, from its own text: an expression from left to right, or a story's changes.
fn solve(prompt: &str) -> i64 {
    match prompt.strip_suffix("=?") {
        Some(expression) => left_to_right(expression),
        None => prompt.split_inclusive('.').filter(|s| s.ends_with('.')).fold(0, follow),
    }
}

fn left_to_right(expression: &str) -> i64 {
    let mut total = 0;
    let mut op = '+';
    for piece in expression.split_inclusive(['+', '-', '*']) {
        let number = piece.trim_end_matches(['+', '-', '*']);
        total = apply(op, total, number.parse().expect("a number"));
        op = piece.chars().last().expect("a piece has characters");
    }
    total
}

fn follow(total: i64, sentence: &str) -> i64 {
    let numbers: Vec<i64> = sentence.split([' ', '.']).filter_map(|word| word.parse().ok()).collect();
    let words: Vec<&str> = sentence.trim().trim_end_matches('.').split(' ').collect();
    let loses = ["loses", "sells"].contains(&words[1]) || words.contains(&"to");
    match (words[1], numbers.as_slice()) {
        ("has", [a, b]) => a * b,
        ("has", [a]) => *a,
        (_, [n]) if loses => total - n,
        ("buys" | "finds" | "gives", [n]) => total + n,
        _ => panic!("cannot follow {sentence:?}"),
    }
}

proptest! {
    #[test]
    fn steps_are_right_and_lead_from_the_prompt_to_the_answer(seed: u64, index in 0_u64..1 << 40, held_out: bool) {
        let split = if held_out { Split::HeldOut } else { Split::Train };
        let sample = Corpus::new(seed).sample(Domain::Arithmetic, split, index);
        let mut last: Option<i64> = None;
        for step in sample.steps() {
            let (a, op, b, result) = parse(step).expect("a step is an equation");
            prop_assert_eq!(apply(op, a, b), result, "{}", step);
            prop_assert!((0..100).contains(&result));
            for (expression, value) in working(step) {
                prop_assert_eq!(left_to_right(expression), value, "{}", step);
            }
            prop_assert!(last.is_none_or(|last| last == a), "{} starts elsewhere", step);
            last = Some(result);
        }
        let answer = last.expect("there is a step");
        prop_assert_eq!(solve(sample.prompt()), answer, "{}", sample.prompt());
        let last_line = format!("Answer: {answer}");
        prop_assert_eq!(sample.answer().lines().last(), Some(last_line.as_str()));
    }
}
