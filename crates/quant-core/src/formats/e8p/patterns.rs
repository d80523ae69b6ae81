//! The magnitudes of the 256 patterns, in halves (1, 3 or 5), made from their definition.
//!
//! They are all vectors of D̂8's magnitudes with a squared norm up to 10, of which there are 227, and the first 29 of
//! those with five times 1½ (squared norm 12), each in lexicographic order. QuIP# takes 29 of norm 12 too, but others:
//! its codewords are not ours.

use super::GROUP;

/// Vectors of squared norm up to 10.
const INNER: usize = 227;

pub(super) static PATTERNS: [[i8; GROUP]; 256] = patterns();

const fn patterns() -> [[i8; GROUP]; 256] {
    let mut all = [[0; GROUP]; 256];
    let (mut inner, mut outer, mut number) = (0, INNER, 0);
    while number < 6561 {
        let (vector, norm, largest) = vector(number);
        if norm <= 10 {
            all[inner] = vector;
            inner += 1;
        } else if norm == 12 && largest == 3 && outer < 256 {
            all[outer] = vector;
            outer += 1;
        }
        number += 1;
    }
    assert!(inner == INNER && outer == 256);
    all
}

/// The vector whose entries are the digits of a number to base 3, highest first: digit n stands for 2n + 1 halves. Its
/// squared norm, and its largest entry.
const fn vector(number: u32) -> ([i8; GROUP], i32, i8) {
    let (mut vector, mut quarters, mut largest) = ([0; GROUP], 0, 0);
    let (mut rest, mut i) = (number, GROUP);
    while i > 0 {
        i -= 1;
        let halves = 2 * (rest % 3) as i8 + 1;
        vector[i] = halves;
        quarters += halves as i32 * halves as i32;
        largest = if halves > largest { halves } else { largest };
        rest /= 3;
    }
    (vector, quarters / 4, largest)
}
