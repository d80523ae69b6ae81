//! Integer products with UQ2 and UQ3.

use super::{Uq2, Uq3};
use crate::grid::{lengthen, parts, short_parts};
use crate::kernel::one_scale::{OneScale, Parts, ShortParts};

impl OneScale for Uq2 {
    const OFFSET: i32 = 2;

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

impl OneScale for Uq3 {
    const OFFSET: i32 = 4;

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
