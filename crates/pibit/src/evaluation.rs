//! Measuring a loaded model: on text, and on tasks with known answers.

mod alarms;
mod chunks;
mod ladder;
mod tasks;
mod text;

pub(crate) use alarms::AlarmArgs;
pub(crate) use chunks::{ChunkPoint, ChunkWatch};
pub(crate) use ladder::{Ladder, Rung};
pub(crate) use tasks::{TaskAccuracy, measure_tasks};
pub(crate) use text::{Text, measure_text, protocol, watch_text};
