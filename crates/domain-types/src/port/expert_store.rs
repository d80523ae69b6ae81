//! Where experts lie while they are not in memory.

use crate::{ExpertId, ExpertLayout, Grade, PortError};

/// Reads whole experts, from a file or elsewhere. Never changes what it reads from.
pub trait ExpertStore: Send + Sync {
    /// Transformer blocks of the model, those without experts included.
    fn layers(&self) -> usize;

    /// Most experts that a block has.
    fn experts(&self) -> usize;

    /// How a copy of an expert lies in a buffer; nothing where there is no such copy.
    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout>;

    /// Fills each part's range of `buffer`, which is [`ExpertLayout::byte_len`] long. After an error the contents are
    /// not to be used. Whoever calls compares the hash.
    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError>;
}
