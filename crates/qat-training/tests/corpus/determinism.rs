//! The corpus of a seed is part of the contract: a calibration that names a seed must mean the same text for ever.

use qat_training::corpus::{Corpus, Domain, Split};
use std::collections::HashSet;

#[test]
fn these_samples_never_change() {
    let corpus = Corpus::new(1);
    let first = Domain::ALL.map(|domain| corpus.sample(domain, Split::HeldOut, 0).text());
    assert_eq!(first, include_str!("held_out_0.txt").split("\n---\n").collect::<Vec<_>>()[..5]);
}

#[test]
fn a_sample_does_not_depend_on_the_ones_before() {
    let corpus = Corpus::new(7);
    let mut next = [0; 5];
    for sample in corpus.mixed(Split::Train).take(300) {
        let index = &mut next[sample.domain() as usize];
        assert_eq!(sample, corpus.sample(sample.domain(), Split::Train, *index));
        *index += 1;
    }
    assert!(next.iter().all(|&n| n > 5), "every domain is in the mixture: {next:?}");
}

#[test]
fn seeds_and_indices_give_different_text() {
    for domain in Domain::ALL {
        let texts: HashSet<String> = (0..4)
            .flat_map(|seed| (0..25).map(move |i| Corpus::new(seed).sample(domain, Split::Train, i).text()))
            .collect();
        assert!(texts.len() >= 95, "{domain}: {} of 100 differ", texts.len());
    }
}

#[test]
fn step_ranges_are_the_lines_of_the_answer() {
    for sample in Corpus::new(3).mixed(Split::Train).take(200) {
        let lines: Vec<&str> = sample.answer().lines().collect();
        let steps: Vec<&str> = sample.steps().collect();
        assert!(!steps.is_empty());
        assert_eq!(lines[..steps.len()], steps);
        assert!(lines.len() - steps.len() <= 1);
    }
}
