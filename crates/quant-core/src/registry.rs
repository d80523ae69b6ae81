//! The table of formats: one row each. Nothing else lists them.

use crate::block::BlockEncoder;
use crate::codec::{BlockCodec, BlockQuantizer};
use crate::formats::{float, q8_0};
use crate::{QuantError, QuantizeOptions};
use domain_types::{CodecSet, FormatCatalogue, QuantFormat, Quantizer, WeightCodec};

type MakeQuantizer = fn(&QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError>;

/// A row of the table.
pub struct FormatEntry {
    codec: &'static dyn WeightCodec,
    make_quantizer: Option<MakeQuantizer>,
    summary: &'static str,
}

impl FormatEntry {
    /// The format's descriptor.
    pub fn format(&self) -> QuantFormat {
        self.codec.format()
    }

    /// Whether tensors of this format can be made, not only read.
    pub fn can_encode(&self) -> bool {
        self.make_quantizer.is_some()
    }

    /// What the format is, in a line.
    pub fn summary(&self) -> &'static str {
        self.summary
    }
}

const fn readable(codec: &'static dyn WeightCodec, summary: &'static str) -> FormatEntry {
    FormatEntry { codec, make_quantizer: None, summary }
}

const fn makeable(
    codec: &'static dyn WeightCodec,
    make: MakeQuantizer,
    summary: &'static str,
) -> FormatEntry {
    FormatEntry { codec, make_quantizer: Some(make), summary }
}

/// For encoders without options.
fn plain<E: BlockEncoder + Default>(_: &QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(E::default())))
}

static ENTRIES: &[FormatEntry] = &[
    makeable(&BlockCodec::<float::F32>::NEW, plain::<float::F32>, "IEEE 754 single precision"),
    makeable(&BlockCodec::<float::F16>::NEW, plain::<float::F16>, "IEEE 754 half precision"),
    makeable(&BlockCodec::<float::Bf16>::NEW, plain::<float::Bf16>, "the upper half of an F32"),
    makeable(
        &BlockCodec::<q8_0::Q8_0>::NEW,
        plain::<q8_0::Q8_0>,
        "8-bit integers, blocks of 32, absmax scale",
    ),
];

/// All formats, in the order of the table.
pub fn entries() -> &'static [FormatEntry] {
    ENTRIES
}

/// Descriptors of every format here and of the plain element types: what readers accept.
pub fn catalogue() -> FormatCatalogue {
    FormatCatalogue::scalars()
        .with(ENTRIES.iter().map(FormatEntry::format))
        .expect("a test checks that names and ggml types are unique")
}

/// All codecs of this crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Codecs;

impl CodecSet for Codecs {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        ENTRIES.iter().find(|e| e.format() == *format).map(|e| e.codec)
    }
}

/// A quantizer for the format of this name; an error names the formats that there are.
pub fn quantizer(id: &str, options: &QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    let Some(entry) = ENTRIES.iter().find(|e| e.format().id() == id) else {
        return Err(QuantError::UnknownFormat { name: id.into(), known: names(|_| true) });
    };
    match entry.make_quantizer {
        Some(make) => make(options),
        None => Err(QuantError::DecodeOnly { name: id.into(), encodable: names(FormatEntry::can_encode) }),
    }
}

fn names(keep: impl Fn(&FormatEntry) -> bool) -> String {
    let names: Vec<_> = ENTRIES.iter().filter(|e| keep(e)).map(|e| e.format().id()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ggml_types_are_unique() {
        let catalogue = catalogue();
        for entry in entries() {
            assert_eq!(catalogue.by_id(entry.format().id()), Some(&entry.format()));
        }
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let Err(error) = quantizer("q9_9", &QuantizeOptions::default()) else {
            panic!("q9_9 does not exist")
        };
        assert!(error.to_string().contains("q8_0"), "{error}");
    }
}
