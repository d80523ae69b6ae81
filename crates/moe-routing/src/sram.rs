//! Which memory an expert should lie in.

mod detect;
mod hierarchy;
mod mapper;
mod preset;

pub use detect::detect;
pub use hierarchy::{MemoryHierarchy, MemoryTier};
pub use mapper::{MappedExpert, SramMap, SramMapper};
pub use preset::{PRESETS, preset};
