//! Measuring a loaded model: on text, and on tasks with known answers.

mod tasks;
mod text;

pub(crate) use tasks::{TaskAccuracy, measure_tasks};
pub(crate) use text::{Text, measure_text};
