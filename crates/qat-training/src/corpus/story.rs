//! Simple stories. The last sentence follows from the ones before, so it can be asked for as a task.
//!
//! Held out is the combination of hero, friend, object and place.

use super::words::{ANIMALS, COLOURS, NAMES, OBJECTS, PLACES};
use super::{Domain, Sample, Split};
use crate::random::Rng;

/// Who and what a story is about.
struct Cast {
    hero: &'static str,
    animal: &'static str,
    friend: &'static str,
    colour: &'static str,
    object: &'static str,
    place: &'static str,
}

pub(super) fn generate(rng: &mut Rng, split: Split) -> Option<Sample> {
    let people = rng.pick_some(&NAMES, 2);
    let cast = Cast {
        hero: people[0],
        animal: rng.pick(&ANIMALS),
        friend: people[1],
        colour: rng.pick(&COLOURS),
        object: rng.pick(&OBJECTS),
        place: rng.pick(&PLACES),
    };
    let content = [cast.hero, cast.friend, cast.object, cast.place].join(" ");
    if Split::of(&content) != split {
        return None;
    }
    let beginning = beginning(rng, &cast);
    let (middle, end) = plot(rng, &cast);
    Some(Sample::new(Domain::Language, format!("{beginning} {middle}"), &[end], None))
}

fn beginning(rng: &mut Rng, cast: &Cast) -> String {
    let Cast { hero, animal, place, .. } = cast;
    let kind = rng.pick(&["little", "brave", "clever", "old"]);
    let opening = match rng.range(0, 2) {
        0 => format!("Once there was a {kind} {animal} named {hero}."),
        1 => format!("{hero} was a {kind} {animal}."),
        _ => format!("{hero} the {kind} {animal} lived near the {place}."),
    };
    let weather = rng.pick(&["sunny", "cold", "rainy", "windy"]);
    let way = rng.pick(&["walked", "ran", "went"]);
    format!("{opening} One {weather} day {hero} {way} to the {place}.")
}

/// What happens, and the sentence that follows from it.
fn plot(rng: &mut Rng, cast: &Cast) -> (String, String) {
    let Cast { hero, friend, colour, object, place, .. } = cast;
    match rng.range(0, 3) {
        0 => (
            format!("There {hero} found a {colour} {object}. {friend} had lost it. {hero} gave it back."),
            format!("{friend} was happy to have the {colour} {object} again."),
        ),
        1 => (
            format!(
                "{hero} wanted to play with a {colour} {object}. But {friend} took it and left the {place}."
            ),
            format!("{hero} was sad without the {colour} {object}."),
        ),
        2 => (
            format!("{friend} was there and had a {colour} {object}. They played with it until it was dark."),
            format!("{hero} and {friend} loved the {colour} {object}."),
        ),
        _ => (
            format!("{hero} could not find the {colour} {object}. {friend} looked everywhere and saw it."),
            format!("{hero} thanked {friend} for the {colour} {object}."),
        ),
    }
}
