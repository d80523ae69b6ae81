//! What tells one model or run from another.

use crate::TrainError;
use crate::network::{Llama, hash_all};
use domain_types::TensorSource;
use sha2::{Digest, Sha256};

/// SHA-256 of a network's weights.
pub(super) fn of_network(network: &Llama) -> Result<String, TrainError> {
    let mut hash = Sha256::new();
    hash_all(network, |bytes| hash.update(bytes))?;
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of a model's tensors, read one at a time.
pub(super) fn of_source(source: &dyn TensorSource) -> Result<String, TrainError> {
    let mut hash = Sha256::new();
    for info in source.tensors() {
        hash.update(&info.name);
        hash.update(source.tensor(&info.name)?.bytes());
    }
    Ok(hex(&hash.finalize()))
}

pub(super) fn of_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
