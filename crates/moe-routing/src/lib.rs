#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
pub mod routing;

pub use error::MoeError;
