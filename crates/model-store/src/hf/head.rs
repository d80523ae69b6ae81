//! Whether the output head is the embedding, from what config.json says and what the files hold.

use super::shard::StoredTensor;
use crate::StoreError;
use std::path::Path;

const EMBEDDING: &str = "token_embd.weight";
const HEAD: &str = "output.weight";

/// Leaves out a head that is the embedding once more, takes it for the embedding where it alone is stored, and keeps
/// one that differs, as transformers and llama.cpp do. `tensors` are under GGUF names.
pub(super) fn settle(
    tensors: &mut Vec<(String, StoredTensor)>,
    tied: bool,
    folder: &Path,
) -> Result<(), StoreError> {
    let find = |name: &str| tensors.iter().position(|(found, _)| found == name);
    match (find(EMBEDDING), find(HEAD)) {
        (Some(embedding), Some(head)) if tied && tensors[embedding].1.has_bytes_of(&tensors[head].1) => {
            tensors.remove(head);
        }
        (None, Some(head)) if tied => tensors[head].0 = EMBEDDING.into(),
        (Some(_), None) if !tied => {
            let reason = "has no tensor lm_head.weight, and config.json does not tie the head to the embedding; \
                          fetch the missing file, or set tie_word_embeddings to true if the model was trained so";
            return Err(StoreError::hugging_face(folder, reason));
        }
        _ => {}
    }
    Ok(())
}
