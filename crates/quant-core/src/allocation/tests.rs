use super::{Allocation, Choice, allocate, pareto_front};
use proptest::prelude::*;

fn all_selections(items: &[Vec<Choice>]) -> Vec<Allocation> {
    let mut selections = vec![Vec::new()];
    for choices in items {
        let longer = selections.iter().flat_map(|chosen: &Vec<usize>| {
            (0..choices.len()).map(move |at| chosen.iter().copied().chain([at]).collect())
        });
        selections = longer.collect();
    }
    selections.into_iter().map(|chosen| Allocation::of(items, chosen)).collect()
}

fn items() -> impl Strategy<Value = Vec<Vec<Choice>>> {
    let choice =
        (0_u64..40, 0_u32..50).prop_map(|(bytes, loss)| Choice { bytes, loss: f64::from(loss) / 7.0 });
    prop::collection::vec(prop::collection::vec(choice, 1..5), 1..6)
}

proptest! {
    #[test]
    fn no_selection_within_the_budget_is_better(items in items(), budget in 0_u64..150) {
        let fitting = all_selections(&items).into_iter().filter(|a| a.bytes <= budget);
        let best = fitting.map(|a| a.loss).min_by(f64::total_cmp);
        let found = allocate(&items, budget);
        prop_assert_eq!(best.is_some(), found.is_some());
        if let (Some(best), Some(found)) = (best, found) {
            prop_assert!(found.bytes <= budget);
            prop_assert!((found.loss - best).abs() < 1e-9, "{} is not the least, {}", found.loss, best);
            prop_assert_eq!(&Allocation::of(&items, found.chosen.clone()), &found);
        }
    }

    #[test]
    fn the_front_is_convex_and_nothing_lies_below_it(items in items()) {
        let front = pareto_front(&items);
        for pair in front.windows(2) {
            prop_assert!(pair[0].bytes < pair[1].bytes && pair[0].loss > pair[1].loss - 1e-9);
        }
        for selection in all_selections(&items) {
            for pair in front.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                if (a.bytes..=b.bytes).contains(&selection.bytes) {
                    let share = (selection.bytes - a.bytes) as f64 / (b.bytes - a.bytes) as f64;
                    prop_assert!(selection.loss >= a.loss + share * (b.loss - a.loss) - 1e-9);
                }
            }
        }
    }
}

/// Three choices on one line: the gains 6/7 of both steps differ in their last bit.
#[test]
fn steps_on_one_line_come_in_their_order() {
    let choice = |bytes: u64, sevenths: f64| Choice { bytes, loss: sevenths / 7.0 };
    let front = pareto_front(&[vec![choice(16, 44.0), choice(23, 2.0), choice(21, 14.0)]]);
    assert_eq!(front.iter().map(|a| a.bytes).collect::<Vec<_>>(), [16, 21, 23]);
}

/// Thirty layers of seven matrices, as small models have them.
#[test]
fn a_model_is_allocated_to_the_last_byte_that_helps() {
    let sizes = [41_472_u64, 13_824, 13_824, 41_472, 110_592, 110_592, 110_592];
    let item = |index: usize| -> Vec<Choice> {
        let weight = 1.0 + (index * 37 % 101) as f64;
        let (size, scale) = (sizes[index % 7], weight * sizes[index % 7] as f64 * 1e-9);
        [2_u64, 3, 4]
            .iter()
            .map(|&bits| Choice { bytes: size * bits, loss: scale * 0.25_f64.powi(bits as i32) })
            .collect()
    };
    let items: Vec<_> = (0..210).map(item).collect();
    let least: u64 = items.iter().map(|choices| choices[0].bytes).sum();
    let mut last = f64::INFINITY;
    for budget in [least, least + 1_000_000, least * 3 / 2, least * 2] {
        let found = allocate(&items, budget).expect("it fits");
        assert!(found.bytes <= budget && found.loss < last);
        let below = pareto_front(&items).into_iter().filter(|a| a.bytes <= budget).map(|a| a.loss);
        assert!(found.loss <= below.fold(f64::INFINITY, f64::min), "prices alone do no better");
        last = found.loss;
    }
    assert_eq!(allocate(&items, least - 1), None);
}

#[test]
fn a_state_that_is_left_over_does_not_beat_the_selection_known() {
    let choice = |bytes, loss| Choice { bytes, loss };
    let items = [
        vec![choice(32, 2.0), choice(33, 0.0), choice(0, 2.5)],
        vec![choice(26, 0.0)],
        vec![choice(17, 0.0)],
    ];
    let found = allocate(&items, 75).expect("it fits");
    assert_eq!((found.bytes, found.loss), (75, 2.0));
}
