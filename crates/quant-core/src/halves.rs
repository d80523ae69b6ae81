//! Rows of halves to single precision.

use crate::isa::{Isa, Kernel, dispatch};
use domain_types::scalar::f16_to_f32;

/// Widens a row, in a loop that is compiled for every instruction set. `bytes`: two for each of `singles`.
pub(crate) fn widen_row(bytes: &[u8], singles: &mut [f32]) {
    dispatch(Row { bytes, singles });
}

struct Row<'a> {
    bytes: &'a [u8],
    singles: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        for (single, half) in self.singles.iter_mut().zip(self.bytes.as_chunks().0) {
            *single = f16_to_f32(u16::from_le_bytes(*half));
        }
    }
}
