//! The commands, one per file.

#[cfg(feature = "train")]
pub(crate) mod adapt;
pub(crate) mod bench;
pub(crate) mod calibrate;
pub(crate) mod chat;
pub(crate) mod compare;
pub(crate) mod demo;
pub(crate) mod dequantize;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod fetch;
pub(crate) mod formats;
pub(crate) mod gate;
pub(crate) mod inspect;
pub(crate) mod merge;
pub(crate) mod moe;
#[cfg(feature = "train")]
pub(crate) mod qat;
pub(crate) mod quantize;
pub(crate) mod run;
pub(crate) mod study;
#[cfg(feature = "train")]
pub(crate) mod train_tiny;
pub(crate) mod verify;
