//! How many bits an expert gets.

mod miss;

pub use miss::{MissAction, MissPolicy};
