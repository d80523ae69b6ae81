//! What happens at the end of a row.

/// How a row whose length the block length does not divide is stored. Blocks never span rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowRule {
    /// Row lengths must be a multiple of the block length (ggml's rule).
    WholeBlocks,
    /// A row may end in one shorter block: a header (the scale) and whole granules of weights.
    ShortTail {
        /// Row lengths must be a multiple of this many weights.
        granule: usize,
        /// Bytes that a granule's codes take.
        granule_bytes: usize,
        /// Bytes before the codes in every block, full or short.
        header_bytes: usize,
    },
}

impl RowRule {
    /// Bytes of a tail of `tail` weights (0 for none), or `None` where no such tail can be stored.
    pub(crate) fn tail_bytes(self, tail: usize) -> Option<usize> {
        match self {
            _ if tail == 0 => Some(0),
            Self::WholeBlocks => None,
            Self::ShortTail { granule, granule_bytes, header_bytes } => {
                tail.is_multiple_of(granule).then_some(header_bytes + tail / granule * granule_bytes)
            }
        }
    }
}
