//! Nothing held out occurs in training, whatever the seeds.

use super::arithmetic::{apply, parse, working};
use super::program;
use qat_training::corpus::{Corpus, Domain, Sample, Split};
use std::collections::HashSet;

const SAMPLES: u64 = 3000;

fn samples(seed: u64, domain: Domain, split: Split) -> impl Iterator<Item = Sample> {
    (0..SAMPLES).map(move |index| Corpus::new(seed).sample(domain, split, index))
}

/// The sum that an addition or subtraction belongs to: 17+25, 25+17, 42−17 and 42−25 are one family.
fn family(a: i64, op: char, b: i64) -> Option<(i64, i64)> {
    let other = if op == '-' { a - b } else { a };
    (op != '*').then_some((other.min(b), other.max(b)))
}

/// The family of a step and of each two-operand equation of its working.
fn step_families(step: &str) -> Vec<(i64, i64)> {
    let (a, op, b, _) = parse(step).expect("a step is an equation");
    let inner = working(step).into_iter().filter_map(|(expression, value)| {
        let (a, op, b, _) = parse(&format!("{expression}={value}"))?;
        family(a, op, b)
    });
    family(a, op, b).into_iter().chain(inner).collect()
}

/// Sums of two digits are the table that all others are made of; none is held out.
fn in_table((low, high): (i64, i64)) -> bool {
    low < 10 && high < 10
}

fn families(sample: &Sample) -> Vec<(i64, i64)> {
    match sample.domain() {
        Domain::Arithmetic => sample.steps().flat_map(step_families).collect(),
        Domain::Code => program::run(sample.prompt())
            .operations
            .into_iter()
            .filter_map(|(a, op, b)| family(a, op, b))
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_held_out_sum_occurs_in_any_training_sample_or_trace() {
    let held_out: HashSet<_> = samples(1, Domain::Arithmetic, Split::HeldOut)
        .flat_map(|s| families(&s))
        .filter(|f| !in_table(*f))
        .collect();
    assert!(held_out.len() > 150, "there are enough of them: {}", held_out.len());
    for seed in [1, 2] {
        for domain in [Domain::Arithmetic, Domain::Code] {
            for sample in samples(seed, domain, Split::Train) {
                let leaked = families(&sample).into_iter().find(|f| held_out.contains(f));
                assert_eq!(leaked, None, "{}", sample.text());
            }
        }
    }
}

#[test]
fn held_out_problems_are_made_of_held_out_sums_alone() {
    let train: HashSet<_> = samples(5, Domain::Arithmetic, Split::Train).flat_map(|s| families(&s)).collect();
    for sample in samples(1, Domain::Arithmetic, Split::HeldOut) {
        for step in sample.steps() {
            let (a, op, b, result) = parse(step).expect("an equation");
            assert_eq!(apply(op, a, b), result);
            assert!(family(a, op, b).is_some_and(|f| !train.contains(&f)), "{step} is known from training");
        }
    }
}

/// What a sample of the other domains is held out by.
fn contents(sample: &Sample) -> Vec<String> {
    match sample.domain() {
        Domain::ToolUse => vec![sample.answer().to_owned()],
        Domain::Needle => {
            let context = sample.prompt().lines().next().expect("a context");
            context.split_inclusive('.').map(|fact| fact.trim().to_owned()).collect()
        }
        Domain::Language => vec![cast(&sample.text())],
        _ => vec![sample.prompt().to_owned()],
    }
}

/// Hero, friend, object and place of a story.
fn cast(story: &str) -> String {
    const NAMES: [&str; 12] =
        ["Tom", "Ann", "Ben", "Sam", "Mia", "Leo", "Eva", "Max", "Zoe", "Dan", "Kim", "Ida"];
    const OBJECTS: [&str; 10] = ["pen", "cup", "ball", "book", "key", "coin", "card", "hat", "kite", "lamp"];
    let words: Vec<&str> = story.split([' ', '.', '\n']).collect();
    let hero = words.iter().find(|w| NAMES.contains(w)).expect("a hero");
    let friend = words.iter().find(|w| NAMES.contains(w) && *w != hero).expect("a friend");
    let object = words.iter().find(|w| OBJECTS.contains(w)).expect("an object");
    let place = story.split_once(" to the ").and_then(|(_, rest)| rest.split('.').next()).expect("a place");
    [hero, friend, object, place].join(" ")
}

#[test]
fn no_held_out_program_call_fact_or_story_occurs_in_training() {
    for domain in [Domain::Code, Domain::ToolUse, Domain::Needle, Domain::Language] {
        let held_out: HashSet<String> =
            samples(1, domain, Split::HeldOut).flat_map(|s| contents(&s)).collect();
        assert!(held_out.len() > 50, "{domain}: {}", held_out.len());
        for seed in [1, 2] {
            let leaked =
                samples(seed, domain, Split::Train).flat_map(|s| contents(&s)).find(|c| held_out.contains(c));
            assert_eq!(leaked, None, "{domain}");
        }
    }
}
