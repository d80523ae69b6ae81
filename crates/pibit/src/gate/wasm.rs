//! G6: the WebAssembly module.

use super::input::GateInput;
use super::measured::Measured;
use anyhow::{Context as _, Result};

/// `\0asm`, version 1.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";

pub(super) fn measure(input: &GateInput) -> Result<Measured> {
    let Some(path) = &input.wasm else {
        return Ok(Measured::absent("give --wasm: the module that the WebAssembly build made"));
    };
    let bytes = std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let valid = if is_module(&bytes) { 1.0 } else { 0.0 };
    Ok([("megabytes", bytes.len() as f64 / 1e6), ("valid", valid)].into())
}

/// Whether sections (an id, a length in LEB128, content) follow the header to the very end.
fn is_module(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(HEADER) else { return false };
    while let Some((_, after)) = rest.split_first() {
        let Some((length, content)) = leb128(after) else { return false };
        let Some(next) = content.get(length..) else { return false };
        rest = next;
    }
    bytes.len() > HEADER.len()
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_module;

    #[test]
    fn a_module_is_its_sections() {
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00";
        assert!(is_module(module));
        assert!(
            !is_module(&module[..module.len() - 1]) && !is_module(b"\0asm\x01\0\0\0") && !is_module(b"ELF")
        );
    }
}
