//! A question about one of many facts. Each fact is for training or held out, and a sample has facts of one side only.

use super::words::{COLOURS, CONTAINERS, NAMES, OBJECTS};
use super::{Domain, Sample, Split};
use crate::random::Rng;

/// A sentence and the question that it answers.
struct Fact {
    sentence: String,
    question: String,
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Sample {
    // Mostly few: a question teaches the more the shorter the way to its answer.
    let most = if rng.chance(1, 5) { 10 } else { 4 };
    let count = rng.range(2, most) as usize;
    let facts: Vec<Fact> =
        rng.pick_some(&NAMES, count).into_iter().map(|name| fact(rng, split, name)).collect();
    let asked = &facts[rng.range(0, count as u32 - 1) as usize];
    let context: Vec<&str> = facts.iter().map(|fact| fact.sentence.as_str()).collect();
    let prompt = format!("{}\n{}", context.join(" "), asked.question);
    Sample::new(Domain::Needle, prompt, std::slice::from_ref(&asked.sentence), None)
}

/// A random fact about a person, drawn until it is on the wanted side.
fn fact(rng: &mut Rng, split: Split, name: &str) -> Fact {
    loop {
        let fact = if rng.chance(1, 2) { code(rng, name) } else { place(rng, name) };
        if Split::of(&fact.sentence) == split {
            return fact;
        }
    }
}

fn code(rng: &mut Rng, name: &str) -> Fact {
    let sentence = format!("The code of {name} is {}.", rng.range(1000, 9999));
    Fact { sentence, question: format!("What is the code of {name}?") }
}

fn place(rng: &mut Rng, name: &str) -> Fact {
    let (colour, object) = (rng.pick(&COLOURS), rng.pick(&OBJECTS));
    let sentence = format!("The {object} of {name} is in the {colour} {}.", rng.pick(&CONTAINERS));
    Fact { sentence, question: format!("Where is the {object} of {name}?") }
}
