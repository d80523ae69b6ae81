//! What lies before the first block and after the last: the embedding, the output norm and the head.

use super::activation::softcap;
use super::buffer::grown;
use super::frequent::FrequentRows;
use super::norm::RmsNorm;
use super::project::project;
use crate::adapter::LowRank;
use crate::parallel;
use domain_types::{Linear, OrthogonalTransform, TokenId};

/// Both ends of a network.
pub(super) struct Ends {
    pub(super) embedding: Box<dyn Linear>,
    pub(super) embedding_scale: f32,
    pub(super) output_norm: RmsNorm,
    /// `None` where the embedding is the output head.
    pub(super) head: Option<Box<dyn Linear>>,
    pub(super) logit_softcap: Option<f32>,
    /// Of the residual stream between both ends.
    pub(super) rotation: Option<Box<dyn OrthogonalTransform>>,
    /// Of rows of embedding and head.
    pub(super) row_rotation: Option<Box<dyn OrthogonalTransform>>,
    /// Rows of the embedding in more bits, in the basis of the others.
    pub(super) frequent: Option<FrequentRows>,
    /// What is added to the head alone.
    pub(super) addition: Option<LowRank>,
}

impl Ends {
    /// The output head.
    pub(super) fn head(&self) -> &dyn Linear {
        self.head.as_deref().unwrap_or(&*self.embedding)
    }

    /// Bytes of packed weights that the logits of a token take.
    pub(super) fn weight_bytes(&self) -> usize {
        self.head().weight_bytes() + self.of_head().map_or(0, |frequent| frequent.rows.weight_bytes())
    }

    /// Rows of the head that are kept apart.
    fn of_head(&self) -> Option<&FrequentRows> {
        self.frequent.as_ref().filter(|_| self.head.is_none())
    }

    /// Looks tokens up: the residual stream as it enters the first block, tokens × width.
    pub(super) fn embed(&self, tokens: &[TokenId], hidden: &mut [f32]) {
        let width = self.embedding.in_features();
        for (row, &token) in hidden.chunks_exact_mut(width).zip(tokens) {
            if !self.frequent.as_ref().is_some_and(|frequent| frequent.look_up(token, row)) {
                self.embedding.row(token as usize, row);
            }
            if self.embedding_scale != 1.0 {
                for x in row {
                    *x *= self.embedding_scale;
                }
            }
        }
        if let Some(rotation) = &self.row_rotation {
            parallel::for_each_row(hidden, width, |_, row| rotation.invert(row));
        }
        if let Some(rotation) = &self.rotation {
            parallel::for_each_row(hidden, width, |_, row| rotation.apply(row));
        }
    }

    /// Appends the logits of rows of the residual stream as it left the last block. `normed` is room to work in.
    pub(super) fn append_logits(&self, hidden: &[f32], normed: &mut Vec<f32>, logits: &mut Vec<f32>) {
        if hidden.is_empty() {
            return;
        }
        let head = self.head();
        let rows = hidden.len() / head.in_features();
        let normed = grown(normed, hidden.len());
        self.normalize(hidden, normed);
        let (start, len) = (logits.len(), rows * head.out_features());
        let room = self.of_head().map_or(0, |frequent| rows * frequent.room());
        logits.resize(start + len + room, 0.0);
        let (all, room) = logits[start..].split_at_mut(len);
        project(head, normed, rows, all);
        if let Some(frequent) = self.of_head() {
            frequent.replace(normed, rows, room, all);
        }
        logits.truncate(start + len);
        if let Some(addition) = &self.addition {
            let (width, vocab) = (head.in_features(), head.out_features());
            parallel::for_each_row(&mut logits[start..], vocab, |row, out| {
                addition.add(&normed[row * width..(row + 1) * width], out);
            });
        }
        if let Some(cap) = self.logit_softcap {
            softcap(&mut logits[start..], cap);
        }
    }

    /// What the head reads, for rows of the residual stream.
    pub(super) fn normalize(&self, hidden: &[f32], normed: &mut [f32]) {
        self.normalize_unrotated(hidden, normed);
        if let Some(rotation) = &self.row_rotation {
            parallel::for_each_row(normed, rotation.width(), |_, row| rotation.apply(row));
        }
    }

    fn normalize_unrotated(&self, hidden: &[f32], normed: &mut [f32]) {
        let Some(rotation) = &self.rotation else { return self.output_norm.normalize(hidden, normed) };
        let width = rotation.width();
        parallel::for_each_row(normed, width, |index, row| {
            row.copy_from_slice(&hidden[index * width..(index + 1) * width]);
            rotation.invert(row);
            self.output_norm.normalize_in_place(row);
        });
    }
}
