//! The model whose matrices are frozen.

use super::{Args, plan};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::quantize::{RoundedTensors, Rounding, quantize_model};
use anyhow::Result;

/// MODEL as it is, where no format is asked for or it has that already; else the file that it is quantized to first.
pub(super) fn prepare(context: &Context, args: &Args) -> Result<ModelRef> {
    let Some(format) = &args.format else { return Ok(args.model.clone()) };
    let source = args.model.open(context)?;
    let plan = plan(context, args, format, &*source)?;
    let formats = source.tensors().iter().map(|info| info.format.id());
    if plan.formats().iter().map(|(_, format)| *format).eq(formats) {
        return Ok(args.model.clone());
    }
    let path = args.base.clone().unwrap_or_else(|| args.output.with_extension("base.gguf"));
    let sha256 = args.model.sha256()?;
    let (rounding, none) = (Rounding::default(), RoundedTensors::new());
    quantize_model(context, &*source, &sha256, &plan, &rounding, &path, none)?;
    context.progress.note(&format!("the model in {format}: {}", path.display()));
    Ok(ModelRef::Path(path))
}
