//! The training loop: packed rows, AdamW, warm-up and cosine, held-out accuracy on the way.

mod accuracy;
mod batches;
mod checkpoint;
mod config;
mod routing;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

pub use accuracy::Accuracy;
pub(crate) use batches::{Batch, Batches};
pub(crate) use checkpoint::Checkpoint;
pub use config::TrainConfig;
pub use routing::RoutingConfig;
pub use run::{CurvePoint, Progress};
pub(crate) use run::{Reporter, train};
pub(crate) use schedule::learning_rate;
