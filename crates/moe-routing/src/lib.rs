#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod cache;
mod copy;
pub mod device;
mod error;
pub mod eviction;
mod file;
mod hash;
mod paged;
pub mod precision;
pub mod prefetch;
pub mod routing;
pub mod sram;
mod sync;

pub use copy::{ExpertCopy, ModelSize};
pub use error::MoeError;
pub use file::{FileExperts, PlacedExpert};
pub use paged::PagedExperts;
