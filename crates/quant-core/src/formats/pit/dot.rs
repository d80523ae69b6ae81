//! Integer products with PiT.

use super::PiT;
use crate::grid::{lengthen, parts, short_parts};
use crate::kernel::one_scale::{OneScale, Parts, ShortParts};

impl OneScale for PiT {
    const OFFSET: i32 = 1;

    #[inline(always)]
    fn parts(block: &[u8]) -> Parts<'_> {
        parts::<Self>(block)
    }

    #[inline(always)]
    fn short_parts(block: &[u8]) -> ShortParts<'_> {
        short_parts::<Self>(block)
    }

    #[inline(always)]
    fn lengthen(short: &[u8], full: &mut [u8]) {
        lengthen::<Self>(short, full);
    }
}
