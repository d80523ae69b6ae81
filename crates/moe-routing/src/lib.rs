#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod cache;
mod copy;
mod error;
pub mod eviction;
mod file;
mod hash;
mod paged;
pub mod precision;
pub mod prefetch;
pub mod routing;
mod sync;

pub use copy::{ExpertCopy, ModelSize};
pub use error::MoeError;
pub use file::{FileExperts, PlacedExpert};
pub use paged::PagedExperts;
