//! Formats that ggml does not know, as I8 tensors that any GGUF reader can carry.
//!
//! Such a tensor is stored with ggml type I8 and dimensions `[row_bytes, rows]` (innermost first). What it is really
//! is said by three string arrays of one length: [`NAMES`] (tensor names), [`FORMATS`] (format ids) and [`SHAPES`]
//! (logical dimensions, outermost first, joined by `x`, for example `576x1536`).

use super::fault::GgufFault;
use super::layout::PlacedTensor;
use domain_types::{FormatCatalogue, Metadata, Shape, TensorInfo, scalar};
use std::collections::HashMap;

pub(super) const NAMES: &str = "pibit.tensor.names";
pub(super) const FORMATS: &str = "pibit.tensor.formats";
pub(super) const SHAPES: &str = "pibit.tensor.shapes";

/// Writes down the tensors that ggml has no type for.
pub(super) fn record(tensors: &[TensorInfo], metadata: &mut Metadata) {
    let ours: Vec<_> = tensors.iter().filter(|t| t.format.ggml_type().is_none()).collect();
    if ours.is_empty() {
        return;
    }
    metadata.set(NAMES, ours.iter().map(|t| t.name.clone()).collect::<Vec<_>>());
    metadata.set(FORMATS, ours.iter().map(|t| t.format.id().to_owned()).collect::<Vec<_>>());
    metadata.set(SHAPES, ours.iter().map(|t| join(&t.shape)).collect::<Vec<_>>());
}

/// Dimensions under which a tensor of our own is stored, outermost first.
pub(super) fn stored_dims(info: &TensorInfo) -> Result<[usize; 2], domain_types::DomainError> {
    Ok([info.shape.rows(), info.format.row_bytes(info.shape.row_len())?])
}

/// Gives I8 tensors back the format and shape that the metadata records.
pub(super) fn restore(
    placed: &mut [PlacedTensor],
    metadata: &Metadata,
    catalogue: &FormatCatalogue,
) -> Result<(), GgufFault> {
    let Some((names, formats, shapes)) = columns(metadata)? else { return Ok(()) };
    let index: HashMap<String, usize> =
        placed.iter().enumerate().map(|(i, t)| (t.info.name.clone(), i)).collect();
    for ((name, format), shape) in names.iter().zip(formats).zip(shapes) {
        let bad = |what: String| GgufFault::Payload(format!("tensor `{name}`: {what}"));
        let &at = index.get(name).ok_or_else(|| bad("is recorded but not in the file".into()))?;
        let stored = &placed[at].info;
        if stored.format != scalar::I8 {
            return Err(bad("is not an I8 payload, or is recorded twice".into()));
        }
        let format = *catalogue
            .by_id(format)
            .ok_or_else(|| bad(format!("this program cannot read format `{format}`")))?;
        let shape = parse(shape).ok_or_else(|| bad(format!("`{shape}` is not a shape")))?;
        let info = TensorInfo::new(name.as_str(), format, shape).map_err(|e| bad(e.to_string()))?;
        let dims = stored_dims(&info).map_err(|e| bad(e.to_string()))?;
        if stored.shape.dims() != dims {
            return Err(bad(format!(
                "{} of {shape} takes {dims:?} bytes, stored are {}",
                format, stored.shape
            )));
        }
        placed[at].info = info;
    }
    Ok(())
}

type Columns<'a> = (&'a [String], &'a [String], &'a [String]);

fn columns(metadata: &Metadata) -> Result<Option<Columns<'_>>, GgufFault> {
    let column = |key| match metadata.get(key) {
        None => Ok(None),
        Some(value) => value
            .as_strings()
            .map(Some)
            .ok_or_else(|| GgufFault::Payload(format!("{key} must be a string array"))),
    };
    match (column(NAMES)?, column(FORMATS)?, column(SHAPES)?) {
        (None, None, None) => Ok(None),
        (Some(n), Some(f), Some(s)) if n.len() == f.len() && n.len() == s.len() => Ok(Some((n, f, s))),
        _ => {
            Err(GgufFault::Payload("names, formats and shapes must be there together, of one length".into()))
        }
    }
}

fn join(shape: &Shape) -> String {
    shape.dims().iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

fn parse(text: &str) -> Option<Shape> {
    let dims = text.split('x').take(domain_types::MAX_DIMS + 1).map(|d| d.parse().ok());
    Shape::new(&dims.collect::<Option<Vec<_>>>()?).ok()
}
