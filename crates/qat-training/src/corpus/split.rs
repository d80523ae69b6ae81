//! Which side of the train/held-out split a content falls on.

use crate::random::mix;

/// A side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// For training and calibration.
    Train,
    /// For evaluation only: one content in ten, by hash.
    HeldOut,
}

impl Split {
    /// The side of a content given as text. Depends on the text alone.
    pub(super) fn of(content: &str) -> Self {
        // FNV-1a, then a finalizer because its low bits are weak.
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = mix(content.bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
        if hash.is_multiple_of(10) { Self::HeldOut } else { Self::Train }
    }

    /// The side of the sum a + b and of everything that gives it away: b + a, (a + b) − a and (a + b) − b. Sums of
    /// two digits are the table that all others are made of, so all of them are for training.
    pub(super) fn of_sum(a: u32, b: u32) -> Self {
        let (low, high) = (a.min(b), a.max(b));
        if high < 10 { Self::Train } else { Self::of(&format!("{low}+{high}")) }
    }
}
