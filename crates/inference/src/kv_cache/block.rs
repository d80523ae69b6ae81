//! What attention reads: neighbouring positions of one head, stored alike.

use super::cold::{BLOCK, Cold};
use super::panel::Panel;
use super::{Recent, Stream};
use half::f16;
use std::ops::Range;

/// Positions of the tail that are read together.
const TAIL_BLOCK: usize = 128;

/// Neighbouring positions.
pub(crate) struct Block<'a> {
    /// Which. Cold blocks are whole, also where only a part of them is wanted.
    pub(crate) positions: Range<usize>,
    pub(crate) rows: Rows<'a>,
}

/// How they are stored.
pub(crate) enum Rows<'a> {
    /// Keys and values, positions × head_dim each, as they came.
    Single { keys: &'a [f32], values: &'a [f32] },
    /// The same in half precision.
    Half { keys: &'a [f16], values: &'a [f16] },
    /// Quantized.
    Cold(ColdRows<'a>),
}

/// A quantized block.
#[derive(Clone, Copy)]
pub(crate) struct ColdRows<'a> {
    cold: &'a Cold,
    block: usize,
}

impl<'a> ColdRows<'a> {
    /// Keys, transposed: panels of one lane per position, each with its first dimension.
    pub(crate) fn keys(self) -> impl Iterator<Item = (usize, Panel<'a>)> {
        self.cold.keys(self.block)
    }

    /// Values: panels of one row per position, each with its first dimension.
    pub(crate) fn values(self) -> impl Iterator<Item = (usize, Panel<'a>)> {
        self.cold.values(self.block)
    }
}

/// Blocks that hold a range of positions, in order.
pub(crate) struct Blocks<'a> {
    pub(super) stream: &'a Stream,
    pub(super) positions: Range<usize>,
    /// First position that is read from the tail.
    pub(super) boundary: usize,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let Range { start, end } = self.positions;
        if start >= end {
            return None;
        }
        let block = match &self.stream.cold {
            Some(cold) if start < self.boundary => {
                let block = start / BLOCK;
                let positions = block * BLOCK..(block + 1) * BLOCK;
                Block { positions, rows: Rows::Cold(ColdRows { cold, block }) }
            }
            _ => {
                let wanted = start..end.min(start + TAIL_BLOCK);
                match &self.stream.recent {
                    Recent::Single(tail) => {
                        let positions = tail.together(wanted);
                        let (keys, values) = tail.rows(positions.clone());
                        Block { positions, rows: Rows::Single { keys, values } }
                    }
                    Recent::Half(tail) => {
                        let positions = tail.together(wanted);
                        let (keys, values) = tail.rows(positions.clone());
                        Block { positions, rows: Rows::Half { keys, values } }
                    }
                }
            }
        };
        self.positions.start = block.positions.end;
        Some(block)
    }
}
