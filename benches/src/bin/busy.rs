//! Keeps one core busy until standard input closes, so it never outlives who started it.

use std::hint::black_box;
use std::io::Read;

fn main() {
    std::thread::spawn(|| {
        let mut x = 1_u64;
        loop {
            x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    });
    // Whatever comes, an end or an error, is the end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
