//! Panels: matrices of small codes with a step and an offset per row or per lane.

mod kernel;
mod vector;

use super::cold::BLOCK;
use super::grow;
use half::f16;
pub(super) use vector::{Fit, quantize};

/// Most numbers that share a step.
pub(super) const MOST_SHARING: usize = 64;

/// What a panel looks like.
#[derive(Clone, Copy)]
pub(super) struct PanelShape {
    /// Bits of a code: 2, 4 or 8.
    pub(super) bits: usize,
    pub(super) rows: usize,
    /// Numbers of a row: 32 or 64.
    pub(super) lanes: usize,
    pub(super) steps: Steps,
    pub(super) fit: Fit,
}

/// What shares a step and an offset.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    PerRow,
    PerLane,
}

impl PanelShape {
    fn row_bytes(self) -> usize {
        self.lanes * self.bits / 8
    }

    fn code_bytes(self) -> usize {
        self.rows * self.row_bytes()
    }
}

/// One panel: number (r, l) is `offset + step · code(r, l)`.
///
/// A row is cut into strips of 8 bytes. Byte j of a strip holds the codes of lanes j, j + 8, j + 16, … from the lowest
/// bits up, so that a shift and a mask give eight neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    shape: PanelShape,
    codes: &'a [u8],
    steps: &'a [f16; BLOCK],
    offsets: &'a [f16; BLOCK],
}

/// Some columns of a matrix of rows × `stride` floats: from `first` on, as many as there are.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) stride: usize,
    pub(crate) first: usize,
}

impl Columns {
    /// All columns.
    pub(crate) fn all(stride: usize) -> Self {
        Self { stride, first: 0 }
    }
}

impl Panel<'_> {
    /// out += left · panel, straight from the codes: columns of `left` meet the panel's rows, its lanes add to columns
    /// of `out`. Rows and lanes past the last column are left out.
    pub(crate) fn add_product(&self, left: &[f32], from: Columns, out: &mut [f32], to: Columns) {
        kernel::add_product(self, left, from, out, to);
    }

    /// Decodes rows, as many as `out` has, into columns of `out`.
    pub(crate) fn decode(&self, out: &mut [f32], to: Columns) {
        kernel::decode(self, out, to);
    }
}

/// Panels of one shape, one after the other.
pub(super) struct PanelStore {
    shape: PanelShape,
    codes: Vec<u8>,
    /// Per panel, one per position.
    steps: Vec<[f16; BLOCK]>,
    offsets: Vec<[f16; BLOCK]>,
}

impl PanelStore {
    pub(super) fn new(shape: PanelShape) -> Self {
        Self { shape, codes: Vec::new(), steps: Vec::new(), offsets: Vec::new() }
    }

    /// Panels in it.
    pub(super) fn panels(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn clear(&mut self) {
        self.codes.clear();
        self.steps.clear();
        self.offsets.clear();
    }

    /// Makes room for more panels, up to `limit` in all.
    pub(super) fn reserve(&mut self, panels: usize, limit: usize) {
        let (needed, bytes) = (self.panels() + panels, self.shape.code_bytes());
        grow(&mut self.codes, needed * bytes, limit * bytes);
        grow(&mut self.steps, needed, limit);
        grow(&mut self.offsets, needed, limit);
    }

    /// Appends a panel of vectors, each with its step: they become rows or lanes. Of each as much counts as the panel
    /// is wide or high.
    pub(super) fn push(&mut self, vectors: &[[f32; MOST_SHARING]; BLOCK]) {
        let PanelShape { bits, rows, lanes, steps: along, fit } = self.shape;
        let (mut steps, mut offsets) = ([f16::ZERO; BLOCK], [f16::ZERO; BLOCK]);
        let mut codes = [[0; MOST_SHARING]; BLOCK];
        let len = if along == Steps::PerRow { lanes } else { rows };
        for (i, vector) in vectors.iter().enumerate() {
            (steps[i], offsets[i]) = quantize(&vector[..len], bits, fit, &mut codes[i]);
        }
        self.steps.push(steps);
        self.offsets.push(offsets);
        for row in 0..rows {
            let codes = match along {
                Steps::PerRow => codes[row],
                Steps::PerLane => std::array::from_fn(|lane| codes[lane][row]),
            };
            pack(&codes[..lanes], bits, &mut self.codes);
        }
    }

    pub(super) fn panel(&self, index: usize) -> Panel<'_> {
        let bytes = self.shape.code_bytes();
        Panel {
            shape: self.shape,
            codes: &self.codes[index * bytes..(index + 1) * bytes],
            steps: &self.steps[index],
            offsets: &self.offsets[index],
        }
    }

    /// Bytes that it has taken.
    pub(super) fn bytes(&self) -> usize {
        self.codes.capacity() + (self.steps.capacity() + self.offsets.capacity()) * size_of::<[f16; BLOCK]>()
    }
}

/// Strips of 8 bytes: byte j holds codes j, j + 8, j + 16, … of the strip.
fn pack(codes: &[u8], bits: usize, out: &mut Vec<u8>) {
    for strip in codes.chunks_exact(64 / bits) {
        let mut bytes = [0_u8; 8];
        for (part, eight) in strip.as_chunks::<8>().0.iter().enumerate() {
            bytes.iter_mut().zip(eight).for_each(|(byte, code)| *byte |= code << (part * bits));
        }
        out.extend_from_slice(&bytes);
    }
}
