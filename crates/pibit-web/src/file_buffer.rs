//! Where a file lands piece by piece, with a limit.

use crate::error::WebError;
use wasm_bindgen::prelude::*;
use wasm_runtime::RuntimeError;

/// A file on its way into the worker's memory.
#[wasm_bindgen]
pub struct FileBuffer {
    bytes: Vec<u8>,
    allowed: u64,
}

#[wasm_bindgen]
impl FileBuffer {
    /// Room for `expected` bytes (0 where that is not known) out of `allowed`. Fails before anything is allocated
    /// where they are more.
    #[wasm_bindgen(constructor)]
    pub fn new(expected: f64, allowed: f64) -> Result<FileBuffer, JsValue> {
        let mut buffer = Self { bytes: Vec::new(), allowed: allowed as u64 };
        buffer.reserve(expected as u64)?;
        Ok(buffer)
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), JsValue> {
        if self.bytes.capacity() - self.bytes.len() < piece.len() {
            // Of a file of unknown length: grow by a half, as far as that is allowed.
            let room = self.allowed.saturating_sub(self.bytes.len() as u64);
            let half = (self.bytes.len() as u64 / 2).min(room);
            self.reserve(half.max(piece.len() as u64))?;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl FileBuffer {
    fn reserve(&mut self, more: u64) -> Result<(), WebError> {
        let (needed, allowed) = ((self.bytes.len() as u64).saturating_add(more), self.allowed);
        if needed > allowed {
            return Err(RuntimeError::OverBudget { needed, allowed }.into());
        }
        let fits = usize::try_from(more).is_ok_and(|more| self.bytes.try_reserve_exact(more).is_ok());
        // The browser's own limit is met before ours.
        if fits { Ok(()) } else { Err(RuntimeError::OverBudget { needed, allowed: memory_bytes() }.into()) }
    }

    pub(crate) fn into_parts(self) -> (Vec<u8>, u64) {
        (self.bytes, self.allowed)
    }
}

/// Bytes that this module's memory has grown to.
#[cfg(target_arch = "wasm32")]
pub(crate) fn memory_bytes() -> u64 {
    core::arch::wasm32::memory_size::<0>() as u64 * 65_536
}

/// Bytes that this module's memory has grown to: known in a browser only.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn memory_bytes() -> u64 {
    0
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::failure::testing::code;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn nothing_is_allocated_for_a_file_above_the_budget() {
        let before = memory_bytes();
        assert_eq!(code(FileBuffer::new(1e9, 9e8)), "overBudget");
        // More than there are addresses.
        assert_eq!(code(FileBuffer::new(1e11, 1e12)), "overBudget");
        assert_eq!(memory_bytes(), before);
    }

    #[wasm_bindgen_test]
    fn a_file_of_unknown_length_grows_up_to_the_budget() {
        let mut buffer = FileBuffer::new(0.0, 1000.0).expect("nothing yet");
        let pieces: Vec<[u8; 90]> = (0..11).map(|i| [i; 90]).collect();
        for piece in &pieces {
            buffer.push(piece).expect("within the budget");
        }
        assert_eq!(code(buffer.push(&[0; 11])), "overBudget");
        buffer.push(&[11; 10]).expect("the last bytes of the budget");
        let (bytes, allowed) = buffer.into_parts();
        assert_eq!((bytes.len(), allowed), (1000, 1000));
        assert_eq!(bytes[..990], pieces.concat());
    }
}
