//! Which experts a token goes to: implementations of [`ExpertRouter`](domain_types::ExpertRouter).

mod gate;
mod layer_memory;
mod memory_aware;
mod options;
mod standard;

pub use memory_aware::MemoryAwareRouter;
pub use options::{Preference, RouterOptions};
pub use standard::StandardRouter;
