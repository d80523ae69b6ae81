//! Small updates of a model in use: what its scales are worth (Fisher information), and a step of the scales alone
//! that stays near what they were worth it for.

mod fisher;
mod gradients;
mod scales;
#[cfg(test)]
mod tests;

pub use fisher::{Fisher, MatrixFisher};
pub use scales::{PackedModel, ScaleOptions, ScaleUpdate, update_scales};

use crate::TrainError;
use crate::training::Batch;
use domain_types::{TokenId, Tokenizer};

/// A text as rows of `length` tokens, each after the start token where there is one; the last may be shorter.
///
/// # Errors
/// A text of less than two tokens, which predicts nothing; what the tokenizer refuses.
pub fn rows_of(
    text: &str,
    tokenizer: &dyn Tokenizer,
    length: usize,
) -> Result<Vec<Vec<TokenId>>, TrainError> {
    let start: Vec<TokenId> = tokenizer.bos().or(tokenizer.eos().first().copied()).into_iter().collect();
    let tokens = tokenizer.encode(text, false)?;
    let row = |part: &[TokenId]| [&start[..], part].concat();
    let rows = tokens.chunks(length.max(2)).map(row).filter(|row| row.len() > 1);
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Err(TrainError::Config("the text has no two tokens, so it predicts nothing".into()));
    }
    Ok(rows)
}

/// A row as a batch whose tokens all count alike.
fn batch_of(row: &[TokenId]) -> Batch {
    let (inputs, targets) = (vec![row[..row.len() - 1].to_vec()], row[1..].to_vec());
    let count = targets.len();
    Batch { inputs, targets, weights: vec![1.0; count], reasoning: vec![0.0; count] }
}
