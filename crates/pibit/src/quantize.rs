//! Quantizing a whole model: decide per tensor, then convert and write tensor by tensor.

mod budget;
mod calibrated;
mod carried;
mod checkpoint;
mod convert;
pub(crate) mod effect;
mod importance;
mod observed;
mod overlay;
mod plan;
mod role;
mod round;

pub(crate) use budget::{Budget, Chosen, Needs, Search};
pub(crate) use calibrated::{Calibrated, Prefix};
pub(crate) use carried::Carried;
pub(crate) use checkpoint::Checkpoint;
pub(crate) use convert::{QuantizeReport, RoundedTensors, TensorReport, metadata_of, quantize_model};
pub(crate) use importance::Importance;
pub(crate) use overlay::Overlay;
pub(crate) use plan::{KeepRule, Plan, PlanOptions};
pub(crate) use role::ConstantRule;
pub(crate) use round::Rounding;
