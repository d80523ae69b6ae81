//! Quantizing a whole model: decide per tensor, then convert and write tensor by tensor.

mod calibrated;
mod convert;
mod importance;
mod plan;
mod role;

pub(crate) use calibrated::{Calibrated, Prefix};
pub(crate) use convert::{QuantizeReport, RoundedTensors, Rounding, TensorReport, quantize_model};
pub(crate) use importance::Importance;
pub(crate) use plan::{KeepRule, Plan, PlanOptions};
pub(crate) use role::ConstantRule;
