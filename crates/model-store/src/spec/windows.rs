//! Layers that see a window only, from metadata.

use super::Family;
use super::reader::SpecReader;
use crate::StoreError;
use domain_types::{MetaArray, MetaValue, SlidingWindow};

const PATTERN: &str = "attention.sliding_window_pattern";

pub(super) fn sliding_window(
    read: &SpecReader<'_>,
    family: &Family,
    layers: usize,
) -> Result<Option<SlidingWindow>, StoreError> {
    let size = read.optional_usize("attention.sliding_window")?.unwrap_or(0);
    if size == 0 {
        return Ok(None);
    }
    let pattern = match read.value(PATTERN) {
        Some(MetaValue::Array(MetaArray::Bool(windowed))) => of_layers(read, windowed, layers)?,
        Some(_) => read.usize(PATTERN)?,
        None => family.window_pattern.ok_or_else(|| read.wrong(PATTERN, "is missing"))?,
    };
    // With a period of 1 all layers are global.
    Ok((pattern != 1).then_some(SlidingWindow { size, pattern }))
}

/// The pattern of layers that are listed one by one.
fn of_layers(read: &SpecReader<'_>, windowed: &[bool], layers: usize) -> Result<usize, StoreError> {
    if windowed.len() != layers {
        return Err(read.wrong(PATTERN, &format!("has {} values for {layers} layers", windowed.len())));
    }
    regular(windowed).ok_or_else(|| {
        let what = format!("the order of global and windowed layers in `{}`", read.key(PATTERN));
        StoreError::Unsupported { what, instead: "global layers must come at a fixed period".into() }
    })
}

/// The period at which global layers come, 0 where none does; `None` where there is no such period.
pub(crate) fn regular(windowed: &[bool]) -> Option<usize> {
    let pattern = windowed.iter().position(|&w| !w).map_or(0, |at| at + 1);
    let window = SlidingWindow { size: 1, pattern };
    windowed.iter().enumerate().all(|(layer, &w)| w == window.applies_to(layer)).then_some(pattern)
}
