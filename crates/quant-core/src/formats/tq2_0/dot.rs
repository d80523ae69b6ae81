//! Integer products with TQ2_0.

use super::{Block, Tq2_0};
use crate::kernel::one_scale::{OneScale, Parts};

impl OneScale for Tq2_0 {
    const OFFSET: i32 = 1;

    #[inline(always)]
    fn parts(block: &[u8]) -> Parts<'_> {
        let block: &Block = bytemuck::from_bytes(block);
        Parts { scale: block.d.bytes(), low: &block.codes, high: None }
    }
}
