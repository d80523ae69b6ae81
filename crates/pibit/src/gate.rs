//! The design's acceptance gates, each computed from data and held against the limits in `gates.toml`.

mod input;
mod instructions;
mod limits;
mod measured;
mod ptq;
mod qat_log;
mod security;
mod viable;
mod wasm;

pub(crate) use input::{GateInput, Name};
pub(crate) use limits::Limits;
pub(crate) use measured::Outcome;

use crate::context::Context;
use crate::stage;

/// Measures a gate's figures and judges them. What cannot be measured because of an error fails.
pub(crate) fn evaluate(context: &Context, name: Name, input: &GateInput, limits: &Limits) -> Outcome {
    let _span = stage::gate(name.id()).entered();
    context.progress.note(&format!("{}:", name.id()));
    let measured = match name {
        Name::G1 => ptq::measure(context, input, limits),
        Name::G2 => qat_log::measure(input),
        Name::G3 => viable::measure(context, input),
        Name::G4 => instructions::measure(input),
        Name::G5 => security::measure(context, input),
        Name::G6 => wasm::measure(input),
    };
    match measured {
        Ok(measured) => limits.judge(name, measured),
        Err(error) => Outcome::failed(&error),
    }
}
