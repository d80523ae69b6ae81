//! What lies before the first block and after the last: the embedding, the output norm and the head.

use super::buffer::grown;
use super::norm::RmsNorm;
use super::project::project;
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
}

impl Ends {
    /// The output head.
    pub(super) fn head(&self) -> &dyn Linear {
        self.head.as_deref().unwrap_or(&*self.embedding)
    }

    /// Looks tokens up: the residual stream as it enters the first block, tokens × width.
    pub(super) fn embed(&self, tokens: &[TokenId], hidden: &mut [f32]) {
        let width = self.embedding.in_features();
        for (row, &token) in hidden.chunks_exact_mut(width).zip(tokens) {
            self.embedding.row(token as usize, row);
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
        let start = logits.len();
        logits.resize(start + rows * head.out_features(), 0.0);
        project(head, normed, rows, &mut logits[start..]);
        if let Some(cap) = self.logit_softcap {
            logits[start..].iter_mut().for_each(|x| *x = cap * (*x / cap).tanh());
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
