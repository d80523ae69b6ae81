#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod budget;
pub mod cache;
mod copy;
pub mod device;
mod error;
pub mod eviction;
mod file;
mod hash;
mod low_copies;
mod paged;
pub mod precision;
pub mod prefetch;
pub mod routing;
pub mod simulate;
pub mod sram;
mod sync;
mod synthetic;
pub mod trace;

pub use budget::MemoryBudget;
pub use copy::{ExpertCopy, ModelSize};
pub use error::MoeError;
pub use file::{FileExperts, PlacedExpert};
pub use low_copies::WithLowCopies;
pub use paged::{PagedExperts, StandIns};
pub use synthetic::SyntheticTrace;
