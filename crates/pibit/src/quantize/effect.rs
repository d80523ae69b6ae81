//! Options of rounding that touch no tensor of a plan were meant otherwise.

use super::plan::{Plan, PlannedTensor};
use super::role::TensorRole;
use super::round::Rounding;
use crate::nearest::nearest;
use crate::progress::Progress;
use anyhow::{Result, bail};
use quant_core::StepSearch;

/// Refuses options without any effect, and tells of those with an effect on some tensors only.
pub(crate) fn check(plan: &Plan, rounding: &Rounding, progress: Progress) -> Result<()> {
    let rounded = || plan.tensors.iter().filter(|tensor| tensor.source.format != tensor.format);
    let on_grids = || rounded().filter(|tensor| quant_core::has_divisor(tensor.format.id()));
    if rounding.k.is_some() && on_grids().next().is_none() {
        bail!("-k has no effect: no tensor becomes piq2, piq3 or pit");
    }
    for rule in &rounding.constants {
        let concerned = |tensor: &PlannedTensor| rule.concerns(TensorRole::of(&tensor.source.name));
        if !on_grids().any(concerned) {
            bail!("--constant {rule} has no effect: no tensor of that class becomes piq2, piq3 or pit");
        }
    }
    let Some(importance) = &rounding.importance else { return Ok(()) };
    if rounding.step.is_some_and(|step| step != StepSearch::Imatrix) {
        bail!("--imatrix has no effect with this --step; leave --step out");
    }
    let looked_for =
        || rounded().filter(|tensor| TensorRole::of(&tensor.source.name) != TensorRole::Embedding);
    let missing: Vec<&str> = looked_for()
        .map(|tensor| tensor.source.name.as_str())
        .filter(|name| importance.get(name).is_none())
        .collect();
    if let Some(first) = missing.first() {
        let near = nearest(first, importance.names());
        if missing.len() == looked_for().count() {
            bail!("the importance matrix has no entry for any tensor, for example {first}{near}");
        }
        let n = missing.len();
        progress
            .note(&format!("the importance matrix has no entry for {n} tensors, for example {first}{near}"));
    }
    Ok(())
}
