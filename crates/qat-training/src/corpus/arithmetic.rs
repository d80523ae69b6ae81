//! Sums and word problems, answered step by step as on paper: `17+25:7+5=12,1+2+1=4,42`.
//!
//! Numbers are 0 to 99. Every addition and subtraction belongs to a family (a + b = c, c − a = b, …) that is either
//! for training or held out as a whole ([`Split::of_sum`]). Products are of two digits; they are a table to learn by
//! heart, so only training problems have them.

use super::words::{NAMES, THINGS};
use super::{Domain, Sample, Split};
use crate::random::Rng;

const LARGEST: u32 = 99;
/// Most steps of a problem.
const LONGEST: u32 = 3;

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

    /// `47+38:7+8=15,4+3+1=8,85`: first the ones, then the tens with what is carried or borrowed, then the result.
    fn working(self) -> String {
        let Self { op, a, b } = self;
        let result = self.result();
        if op == '*' {
            return format!("{a}*{b}={result}");
        }
        let (tens_a, ones_a, tens_b, ones_b) = (a / 10, a % 10, b / 10, b % 10);
        let (carries, borrowed) = (op == '+' && ones_a + ones_b > 9, op == '-' && ones_a < ones_b);
        let top = if borrowed { ones_a + 10 } else { ones_a };
        let ones = if op == '+' { ones_a + ones_b } else { top - ones_b };
        let moved = if carries || borrowed { format!("{op}1") } else { String::new() };
        format!("{a}{op}{b}:{top}{op}{ones_b}={ones},{tens_a}{op}{tens_b}{moved}={},{result}", result / 10)
    }
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Option<Sample> {
    let steps = chain(rng, split)?;
    let prompt = if rng.chance(3, 5) { expression(&steps) } else { story(rng, &steps) };
    let answer = format!("Answer: {}", steps[steps.len() - 1].result());
    let working: Vec<String> = steps.iter().map(|step| step.working()).collect();
    Some(Sample::new(Domain::Arithmetic, prompt, &working, Some(answer)))
}

/// Steps that each start from the result before. None where a value has no operation on this side of the split.
fn chain(rng: &mut Rng, split: Split) -> Option<Vec<Step>> {
    let count = rng.range(1, LONGEST);
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
    let first = steps[0].a.to_string();
    let text = steps.iter().fold(first, |text, step| format!("{text}{}{}", step.op, step.b));
    text + "=?"
}

fn story(rng: &mut Rng, steps: &[Step]) -> String {
    let people = rng.pick_some(&NAMES, 2);
    let (who, friend, thing) = (people[0], people[1], rng.pick(&THINGS));
    let first = steps[0];
    let mut sentences = vec![match first.op {
        '*' => format!("{who} has {} boxes of {} {thing}.", first.a, first.b),
        _ => format!("{who} has {} {thing}.", first.a),
    }];
    for step in steps.iter().filter(|step| step.op != '*') {
        let n = step.b;
        sentences.push(match (step.op, rng.range(0, 2)) {
            ('+', 0) => format!("{who} buys {n} more."),
            ('+', 1) => format!("{friend} gives {who} {n} {thing}."),
            ('+', _) => format!("{who} finds {n} {thing}."),
            (_, 0) => format!("{who} loses {n}."),
            (_, 1) => format!("{who} gives {n} {thing} to {friend}."),
            (_, _) => format!("{who} sells {n} {thing}."),
        });
    }
    sentences.push(format!("How many {thing} does {who} have?"));
    sentences.join(" ")
}
