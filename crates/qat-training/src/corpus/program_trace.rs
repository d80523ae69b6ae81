//! Small programs in a subset of Python and their execution: one line for every assignment that runs.
//!
//! Held-out programs are held out as a text. All sums in them, on both sides, are of families for training, so a
//! trace never gives away a held-out sum.

use super::{Domain, Sample, Split};
use crate::random::Rng;

const VARIABLES: [char; 3] = ['a', 'b', 'c'];
const LARGEST: u32 = 30;

/// What the variables hold: none is read before it is written.
type State = [Option<u32>; 3];

/// Program text and trace, written together.
struct Run {
    state: State,
    program: Vec<String>,
    trace: Vec<String>,
}

/// `target = source op amount`.
#[derive(Clone, Copy)]
struct Update {
    target: usize,
    source: usize,
    op: char,
    amount: u32,
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Option<Sample> {
    let mut run = Run { state: [None; 3], program: Vec::new(), trace: Vec::new() };
    run.assign(0, rng.range(1, 9));
    run.assign(1, rng.range(1, 9));
    let mut last = 0;
    for _ in 0..rng.range(1, 3) {
        last = match rng.range(0, 5) {
            0 => run.conditional(rng)?,
            1 => run.repeated(rng)?,
            _ => run.plain(rng)?,
        };
    }
    run.program.push(format!("print({})", VARIABLES[last]));
    let program = run.program.join("\n");
    let output = format!("Output: {}", run.state[last]?);
    (Split::of(&program) == split).then(|| Sample::new(Domain::Code, program, &run.trace, Some(output)))
}

impl Run {
    fn assign(&mut self, target: usize, value: u32) {
        self.program.push(format!("{}={value}", VARIABLES[target]));
        self.set(target, value);
    }

    fn set(&mut self, target: usize, value: u32) {
        self.state[target] = Some(value);
        self.trace.push(format!("{}={value}", VARIABLES[target]));
    }

    /// An update of a variable that has a value. One that repeats goes to the variable it comes from.
    fn draw(&self, rng: &mut Rng, in_place: bool) -> Update {
        let written: Vec<usize> = (0..3).filter(|&v| self.state[v].is_some()).collect();
        let source = rng.pick(&written);
        let target = if in_place { source } else { rng.range(0, 2) as usize };
        Update { target, source, op: rng.pick(&['+', '-', '*']), amount: rng.range(1, 5) }
    }

    /// Runs an update. None where the result is out of range or the sum is not for training.
    fn apply(&mut self, update: Update) -> Option<()> {
        let Update { op, amount, .. } = update;
        let value = self.state[update.source]?;
        let result = match op {
            '+' => value + amount,
            '-' => value.checked_sub(amount)?,
            _ => value * amount,
        };
        let known = match op {
            '+' => Split::of_sum(value, amount) == Split::Train,
            '-' => Split::of_sum(result, amount) == Split::Train,
            _ => value < 10,
        };
        (known && result <= LARGEST).then(|| self.set(update.target, result))
    }

    fn plain(&mut self, rng: &mut Rng) -> Option<usize> {
        let update = self.draw(rng, false);
        self.program.push(update.text());
        self.apply(update)?;
        Some(update.target)
    }

    fn conditional(&mut self, rng: &mut Rng) -> Option<usize> {
        let (update, limit) = (self.draw(rng, true), rng.range(2, 12));
        self.program.push(format!("if {}>{limit}:{}", VARIABLES[update.source], update.text()));
        if self.state[update.source]? > limit {
            self.apply(update)?;
        } else {
            self.trace.push("skip".into());
        }
        Some(update.target)
    }

    fn repeated(&mut self, rng: &mut Rng) -> Option<usize> {
        let (update, times) = (self.draw(rng, true), rng.range(2, 3));
        self.program.push(format!("for i in range({times}):{}", update.text()));
        for _ in 0..times {
            self.apply(update)?;
        }
        Some(update.target)
    }
}

impl Update {
    fn text(self) -> String {
        format!("{}={}{}{}", VARIABLES[self.target], VARIABLES[self.source], self.op, self.amount)
    }
}
