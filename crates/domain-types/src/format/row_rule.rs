//! How rows lie in a tensor's bytes, and what happens at the end of a row.

/// How the rows of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowRule {
    /// Row after row, each of whole blocks: row lengths must be a multiple of the block length (ggml's rule).
    WholeBlocks,
    /// Row after row; a row may end in one shorter block: a header (the scale) and whole granules of weights.
    ShortTail {
        /// Row lengths must be a multiple of this many weights.
        granule: usize,
        /// Bytes that a granule's codes take.
        granule_bytes: usize,
        /// Bytes before the codes in every block, full or short.
        header_bytes: usize,
    },
    /// Codes run down the columns of each matrix, so the bytes of a row do not lie together and a matrix is read as
    /// a whole. Its size is still a number of bytes per row: whole blocks and a header.
    RowsDown {
        /// The rows of a matrix must be a multiple of this.
        row_group: usize,
        /// Bytes that each row takes beside its codes (its scale).
        header_bytes: usize,
    },
}

impl RowRule {
    /// Bytes of a row beyond its full blocks where `tail` weights are left over, or `None` where no such row can be
    /// stored.
    pub(crate) fn tail_bytes(self, tail: usize) -> Option<usize> {
        match self {
            Self::RowsDown { header_bytes, .. } => (tail == 0).then_some(header_bytes),
            _ if tail == 0 => Some(0),
            Self::WholeBlocks => None,
            Self::ShortTail { granule, granule_bytes, header_bytes } => {
                tail.is_multiple_of(granule).then_some(header_bytes + tail / granule * granule_bytes)
            }
        }
    }
}
