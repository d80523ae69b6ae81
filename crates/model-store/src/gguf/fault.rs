//! Which rule a GGUF file breaks.

use super::limit;

/// A rule of the format, or a limit of this reader, that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each variant means")]
pub enum GgufFault {
    #[error("the file does not start with `GGUF`; is it another kind of file?")]
    Magic,
    #[error("GGUF version {0} is not supported (2 and 3 are); convert the model again")]
    Version(u32),
    #[error("the file is big-endian, which is not supported; convert it to little-endian")]
    BigEndian,
    #[error("the file ends here, {needed} more bytes were announced; fetch it again")]
    Truncated { needed: u64 },
    #[error("{0} tensors, the limit is {max}", max = limit::TENSORS - 1)]
    TooManyTensors(u64),
    #[error("{0} metadata entries, the limit is {max}", max = limit::KEYS)]
    TooManyKeys(u64),
    #[error("the metadata takes more than {max} bytes", max = limit::METADATA_BYTES)]
    MetadataTooLarge,
    #[error("a key of {0} bytes, the limit is {max}", max = limit::KEY_BYTES)]
    KeyLength(u64),
    #[error("a string of {0} bytes, the limit is {max}", max = limit::STRING_BYTES)]
    StringLength(u64),
    #[error("an array of {0} elements, the limit is {max}", max = limit::ARRAY_LEN)]
    ArrayLength(u64),
    #[error("an array inside an array is not supported")]
    NestedArray,
    #[error("metadata value type {0} does not exist")]
    ValueType(u32),
    #[error("a truth value of {0}, only 0 and 1 exist")]
    Bool(u8),
    #[error("text that is not UTF-8")]
    Utf8,
    #[error("metadata key `{0}` occurs twice")]
    DuplicateKey(String),
    #[error("general.alignment must be a u32 power of two from 8 to {max}", max = limit::ALIGNMENT)]
    Alignment,
    #[error("a tensor name of {0} bytes, 1 to {max} are allowed", max = limit::NAME_BYTES)]
    NameLength(u64),
    #[error("tensor `{0}` occurs twice")]
    DuplicateTensor(String),
    #[error("tensor `{name}`: {reason}")]
    Shape { name: String, reason: String },
    #[error("tensor `{name}` has ggml type {ggml_type}, which this program cannot read")]
    UnknownType { name: String, ggml_type: u32 },
    #[error("tensor `{name}` starts at {offset}, which the alignment {alignment} does not divide")]
    Misaligned { name: String, offset: u64, alignment: u64 },
    #[error("tensor `{name}` reaches byte {end} of a file of {len} bytes; fetch it again")]
    OutsideFile { name: String, end: u64, len: u64 },
    #[error("tensors `{0}` and `{1}` overlap")]
    Overlap(String, String),
    #[error("pibit.tensor.*: {0}")]
    Payload(String),
}

/// A fault and where it was found.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) offset: usize,
    pub(super) fault: GgufFault,
}

impl GgufFault {
    pub(super) fn at(self, offset: usize) -> Rejection {
        Rejection { offset, fault: self }
    }
}
