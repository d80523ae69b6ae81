//! Second moments of the inputs of linear layers: what calibration collects.
//!
//! Sums are in F64 over F32 products of at most [`PIECE`] tokens. The matrix is cut into tiles, and threads share the
//! tiles, never the tokens: sums do not depend on the number of threads.

mod check;
mod cross;
mod tile;

pub use check::{InputCheck, PartShift};
pub use cross::CrossMoment;

use crate::parallel::for_each_row;
use domain_types::{DomainError, Hessian, InputObserver};
use tile::Tile;

/// Tokens whose products are summed in F32.
const PIECE: usize = 512;

/// Collects Σ x·xᵀ over the inputs of each linear layer that it observes; layers that read the same inputs share one.
///
/// Memory: about 6 bytes × width² per distinct input.
#[derive(Debug, Default)]
pub struct InputMoments {
    parts: Vec<u64>,
    layers: Vec<LayerMoments>,
}

impl InputMoments {
    /// Starts with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with nothing, for data in several parts (domains) of so many tokens, which come one after the other; no
    /// call may observe tokens of two. [`LayerMoments::check`] compares them.
    pub fn of_parts(tokens: &[u64]) -> Self {
        let mut end = 0;
        let ends = tokens.iter().map(|tokens| {
            end += tokens;
            end
        });
        Self { parts: ends.collect(), layers: Vec::new() }
    }

    /// Takes out what was collected so far, in the order in which layers were first seen.
    pub fn take(&mut self) -> Vec<LayerMoments> {
        std::mem::take(&mut self.layers)
    }
}

impl InputObserver for InputMoments {
    fn observe(&mut self, tensors: &[&str], width: usize, rows: &[f32]) {
        let known = self.layers.iter().position(|layer| layer.tensors == tensors);
        let at = known.unwrap_or_else(|| {
            self.layers.push(LayerMoments::new(tensors, width));
            self.layers.len() - 1
        });
        let layer = &mut self.layers[at];
        let part = self.parts.partition_point(|&end| end <= layer.tokens);
        layer.add(rows);
        if part < self.parts.len() {
            layer.parts.resize(part, Vec::new());
            layer.parts.push(layer.sums_of_squares());
        }
    }
}

/// Σ x·xᵀ over the inputs of linear layers that read the same ones.
#[derive(Debug)]
pub struct LayerMoments {
    tensors: Vec<String>,
    width: usize,
    tokens: u64,
    /// The upper triangle, and with it whole tiles on the diagonal.
    tiles: Vec<Tile>,
    /// Sums of squares up to the end of each part of the data.
    parts: Vec<Vec<f64>>,
}

impl LayerMoments {
    fn new(tensors: &[&str], width: usize) -> Self {
        let tensors = tensors.iter().map(|name| (*name).to_owned()).collect();
        Self { tensors, width, tokens: 0, tiles: Tile::upper_triangle(width), parts: Vec::new() }
    }

    fn add(&mut self, rows: &[f32]) {
        let width = self.width;
        assert!(rows.len().is_multiple_of(width), "inputs must be whole rows");
        for piece in rows.chunks(PIECE * width) {
            for_each_row(&mut self.tiles, 1, |_, tile| tile[0].add(piece, width));
        }
        self.tokens += (rows.len() / width) as u64;
    }

    /// Names of the layers.
    pub fn tensors(&self) -> &[String] {
        &self.tensors
    }

    /// Length of an input.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Inputs seen.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Σ x² of each input: llama.cpp's importance matrix before its division by the number of tokens.
    pub fn sums_of_squares(&self) -> Vec<f64> {
        let mut squares = Vec::with_capacity(self.width);
        self.tiles.iter().for_each(|tile| squares.extend(tile.diagonal()));
        squares
    }

    /// The mean of x·xᵀ. Fails where an input was not finite.
    pub fn hessian(&self) -> Result<Hessian, DomainError> {
        let mut values = vec![0.0; self.width * self.width];
        for tile in &self.tiles {
            for (row, column, sum) in tile.entries() {
                let mean = (sum / self.tokens as f64) as f32;
                values[row * self.width + column] = mean;
                values[column * self.width + row] = mean;
            }
        }
        Hessian::new(self.width, self.tokens, values)
    }
}

#[cfg(test)]
mod tests;
