//! Whether bytes are what they should be.

use domain_types::{ExpertLayout, ExpertPart};
use sha2::{Digest, Sha256};

/// SHA-256 of the parts in a buffer, without the gaps between them.
pub(crate) fn sha256(layout: &ExpertLayout, buffer: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in ExpertPart::ALL {
        hasher.update(&buffer[layout.range(part)]);
    }
    hasher.finalize().into()
}
