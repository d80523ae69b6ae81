//! Calibration: what the linear layers of a model read on texts, collected into a file.

mod collect;
mod dataset;
mod file;
mod findings;
mod finished;

pub(crate) use collect::{collect, shared_inputs};
pub(crate) use dataset::{CalibrationDomain, DataSource, Dataset, DatasetOptions};
pub(crate) use file::Calibration;
pub(crate) use file::{CalibrationWriter, Provenance};
pub(crate) use findings::{InputFinding, warnings};

#[cfg(test)]
mod tests;
