//! Streams and the order of rows.

use super::rows::Order;
use super::streams::Streams;

#[test]
fn every_row_comes_once_before_any_comes_again() {
    let mut order = Order::new(5, 1, 0);
    for _ in 0..3 {
        let mut round: Vec<usize> = [order.next(2), order.next(2), order.next(1)].concat();
        round.sort_unstable();
        assert_eq!(round, [0, 1, 2, 3, 4]);
    }
    let first = |block| Order::new(64, 1, block).next(64);
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[test]
fn errors_are_shares_of_each_position() {
    let table = [3.0, 4.0, 0.0, 1.0];
    let streams = Streams::embed(&[vec![0, 1]], 2, [&table, &table]);
    assert_eq!(streams.length, 2);
    assert_eq!(streams.target, table);
    // 5² of 5² lost at the first position, nothing at the second.
    assert!((streams.error(&[0.0, 0.0, 0.0, 1.0]) - 0.5).abs() < 1e-9);
}
