//! Quantizing a whole model: decide per tensor, then convert and write tensor by tensor.

mod convert;
mod importance;
mod plan;
mod role;

pub(crate) use convert::{QuantizeReport, Rounding, TensorReport, quantize_model};
pub(crate) use importance::Importance;
pub(crate) use plan::{KeepRule, Plan, PlanOptions};
pub(crate) use role::ConstantRule;
