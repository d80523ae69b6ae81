//! Reads little-endian values from untrusted bytes: never past the end, never more memory than the budget.

use super::fault::{GgufFault, Rejection};
use super::limit;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of memory that metadata may still take.
    budget: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, budget: limit::METADATA_BYTES }
    }

    /// Where the next read starts.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to where a read started, to read again in another way.
    pub(super) fn rewind(&mut self, at: usize) {
        self.at = at;
    }

    /// The bytes since a place.
    pub(super) fn since(&self, at: usize) -> &'a [u8] {
        &self.bytes[at..self.at]
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Rejection> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..n) else {
            return Err(GgufFault::Truncated { needed: (n - rest.len()) as u64 }.at(self.bytes.len()));
        };
        self.at += n;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Rejection> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Rejection> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Rejection> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes `n` bytes of memory from the metadata's budget, before they are allocated.
    pub(super) fn charge(&mut self, n: usize) -> Result<(), Rejection> {
        match self.budget.checked_sub(n) {
            Some(left) => self.budget = left,
            None => return Err(GgufFault::MetadataTooLarge.at(self.at)),
        }
        Ok(())
    }

    /// A length-prefixed string of at most `max` bytes.
    pub(super) fn string(&mut self, max: usize, too_long: fn(u64) -> GgufFault) -> Result<String, Rejection> {
        let start = self.at;
        let len = self.u64()?;
        let n = usize::try_from(len).ok().filter(|&n| n <= max).ok_or_else(|| too_long(len).at(start))?;
        self.charge(n + size_of::<String>())?;
        let bytes = self.take(n)?;
        let text = std::str::from_utf8(bytes).map_err(|e| GgufFault::Utf8.at(start + 8 + e.valid_up_to()))?;
        Ok(text.to_owned())
    }
}
