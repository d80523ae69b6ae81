//! The set of formats a program knows.

use super::{QuantFormat, scalar};
use crate::DomainError;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The formats that a program can size and name. The composition root builds one from its codecs and hands it to the
/// readers, which thereby accept exactly the types that can be decoded.
#[derive(Debug, Clone)]
pub struct FormatCatalogue {
    formats: Vec<QuantFormat>,
}

impl FormatCatalogue {
    /// Only the unquantized element types of [`scalar`].
    pub fn scalars() -> Self {
        Self { formats: scalar::ALL.to_vec() }
    }

    /// Adds formats; a name or ggml type that is taken by a *different* format is an error.
    pub fn with(mut self, formats: impl IntoIterator<Item = QuantFormat>) -> Result<Self, DomainError> {
        for format in formats {
            if self.formats.contains(&format) {
                continue;
            }
            let clash = |f: &QuantFormat| {
                f.id() == format.id() || (f.ggml_type().is_some() && f.ggml_type() == format.ggml_type())
            };
            if self.formats.iter().any(clash) {
                return Err(DomainError::DuplicateFormat(format.id().to_string()));
            }
            self.formats.push(format);
        }
        Ok(self)
    }

    /// The format of this name.
    pub fn by_id(&self, id: &str) -> Option<&QuantFormat> {
        self.formats.iter().find(|f| f.id() == id)
    }

    /// The format with this ggml type number.
    pub fn by_ggml_type(&self, ggml_type: u32) -> Option<&QuantFormat> {
        self.formats.iter().find(|f| f.ggml_type() == Some(ggml_type))
    }

    /// All formats in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &QuantFormat> {
        self.formats.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowRule;

    #[test]
    fn names_and_types_stay_unique() {
        let q4_0 = QuantFormat::new("q4_0", 32, 18, RowRule::WholeBlocks).with_ggml_type(2);
        let catalogue = FormatCatalogue::scalars().with([q4_0, q4_0]).unwrap();
        assert_eq!(catalogue.by_ggml_type(2), Some(&q4_0));
        assert_eq!(catalogue.by_id("f16"), Some(&scalar::F16));
        assert!(catalogue.by_ggml_type(99).is_none());
        let impostor = QuantFormat::new("other", 32, 20, RowRule::WholeBlocks).with_ggml_type(2);
        assert!(catalogue.with([impostor]).is_err());
    }
}
