//! Sums and word problems, answered step by step: `17+25=42`.
//!
//! Numbers are 0 to 99. Every addition and subtraction belongs to a family (a + b = c, c − a = b, …) that is either
//! for training or held out as a whole ([`Split::of_sum`]). Products are of two digits; they are a table to learn by
//! heart, so only training problems have them.

use super::words::{NAMES, THINGS};
use super::{Domain, Sample, Split};
use crate::random::Rng;

const LARGEST: u32 = 99;

/// One operation of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    op: char,
    a: u32,
    b: u32,
}

impl Step {
    fn result(self) -> u32 {
        match self.op {
            '+' => self.a + self.b,
            '-' => self.a - self.b,
            _ => self.a * self.b,
        }
    }

    fn equation(self) -> String {
        format!("{}{}{}={}", self.a, self.op, self.b, self.result())
    }
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Option<Sample> {
    let drill = rng.chance(1, 2);
    let steps = chain(rng, split, if drill { 4 } else { 3 })?;
    let prompt = if drill { expression(&steps) } else { story(rng, &steps) };
    let answer = format!("Answer: {}", steps[steps.len() - 1].result());
    let equations: Vec<String> = steps.iter().map(|step| step.equation()).collect();
    Some(Sample::new(Domain::Arithmetic, prompt, &equations, Some(answer)))
}

/// Steps that each start from the result before. None where a value has no operation on this side of the split.
fn chain(rng: &mut Rng, split: Split, longest: u32) -> Option<Vec<Step>> {
    let count = rng.range(1, longest);
    let mut steps = Vec::with_capacity(count as usize);
    let mut value = rng.range(1, LARGEST - 1);
    if split == Split::Train && rng.chance(1, 6) {
        let product = Step { op: '*', a: rng.range(2, 9), b: rng.range(2, 9) };
        value = product.result();
        steps.push(product);
    }
    while steps.len() < count as usize {
        let ops = if rng.chance(1, 2) { ['+', '-'] } else { ['-', '+'] };
        let step = ops.into_iter().find_map(|op| operation(rng, split, op, value))?;
        value = step.result();
        steps.push(step);
    }
    Some(steps)
}

/// A random `value op b` with a result in 0..=99 whose family is on the wanted side.
fn operation(rng: &mut Rng, split: Split, op: char, value: u32) -> Option<Step> {
    let largest = if op == '+' { LARGEST - value } else { value };
    let family = |b: u32| if op == '+' { Split::of_sum(value, b) } else { Split::of_sum(value - b, b) };
    let candidates: Vec<u32> = (1..=largest).filter(|&b| family(b) == split).collect();
    (!candidates.is_empty()).then(|| Step { op, a: value, b: rng.pick(&candidates) })
}

/// `17+25-8=?`: evaluated from left to right, which precedence agrees with because a product comes first.
fn expression(steps: &[Step]) -> String {
    let tail: String = steps.iter().map(|step| format!("{}{}", step.op, step.b)).collect();
    format!("{}{tail}=?", steps[0].a)
}

fn story(rng: &mut Rng, steps: &[Step]) -> String {
    let people = rng.pick_some(&NAMES, 2);
    let (who, friend, thing) = (people[0], people[1], rng.pick(&THINGS));
    let first = steps[0];
    let mut text = match first.op {
        '*' => format!("{who} has {} boxes of {} {thing}.", first.a, first.b),
        _ => format!("{who} has {} {thing}.", first.a),
    };
    for step in steps.iter().filter(|step| step.op != '*') {
        let n = step.b;
        text += &match (step.op, rng.range(0, 2)) {
            ('+', 0) => format!(" {who} buys {n} more."),
            ('+', 1) => format!(" {friend} gives {who} {n} {thing}."),
            ('+', _) => format!(" {who} finds {n} {thing}."),
            (_, 0) => format!(" {who} loses {n}."),
            (_, 1) => format!(" {who} gives {n} {thing} to {friend}."),
            (_, _) => format!(" {who} sells {n} {thing}."),
        };
    }
    format!("{text} How many {thing} does {who} have?")
}
