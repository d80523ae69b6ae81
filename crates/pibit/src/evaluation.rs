//! Measuring a loaded model: on text, and on tasks with known answers.

mod alarms;
mod tasks;
mod text;

pub(crate) use alarms::{AlarmArgs, observe};
pub(crate) use tasks::{TaskAccuracy, measure_tasks};
pub(crate) use text::{Text, measure_text, watch_text};
