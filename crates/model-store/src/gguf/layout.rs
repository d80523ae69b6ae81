//! Where the tensors lie: every type, size and offset checked against the real file.

use super::fault::{GgufFault, Rejection};
use super::raw_header::{RawHeader, RawTensor};
use domain_types::{FormatCatalogue, QuantFormat, Shape, TensorInfo};
use std::collections::HashSet;
use std::ops::Range;

/// A tensor whose bytes are known to lie inside the file.
pub(super) struct PlacedTensor {
    pub(super) info: TensorInfo,
    pub(super) range: Range<usize>,
}

/// Places all tensors of a header in a file of `file_len` bytes.
pub(super) fn place(
    header: &RawHeader,
    file_len: usize,
    catalogue: &FormatCatalogue,
) -> Result<Vec<PlacedTensor>, Rejection> {
    let data_start = (header.len as u64).next_multiple_of(header.alignment);
    let mut names = HashSet::new();
    let mut placed = Vec::with_capacity(header.tensors.len());
    for raw in &header.tensors {
        if !names.insert(raw.name.as_str()) {
            return Err(GgufFault::DuplicateTensor(raw.name.clone()).at(raw.at));
        }
        let fail = |fault: GgufFault| fault.at(raw.at);
        let info = describe(raw, catalogue).map_err(fail)?;
        let range = locate(raw, &info, data_start, header.alignment, file_len).map_err(fail)?;
        placed.push(PlacedTensor { info, range });
    }
    refuse_overlap(&placed, header)?;
    Ok(placed)
}

fn describe(raw: &RawTensor, catalogue: &FormatCatalogue) -> Result<TensorInfo, GgufFault> {
    let format: QuantFormat = *catalogue
        .by_ggml_type(raw.ggml_type)
        .ok_or_else(|| GgufFault::UnknownType { name: raw.name.clone(), ggml_type: raw.ggml_type })?;
    let bad = |reason: String| GgufFault::Shape { name: raw.name.clone(), reason };
    let dims = raw.dims.iter().rev().map(|&d| usize::try_from(d));
    let dims = dims.collect::<Result<Vec<_>, _>>().map_err(|_| bad("a dimension is too large".into()))?;
    let shape = Shape::new(&dims).map_err(|e| bad(e.to_string()))?;
    TensorInfo::new(raw.name.as_str(), format, shape).map_err(|e| bad(e.to_string()))
}

fn locate(
    raw: &RawTensor,
    info: &TensorInfo,
    data_start: u64,
    alignment: u64,
    file_len: usize,
) -> Result<Range<usize>, GgufFault> {
    let (name, offset) = (raw.name.clone(), raw.offset);
    if !offset.is_multiple_of(alignment) {
        return Err(GgufFault::Misaligned { name, offset, alignment });
    }
    let bytes = info.format.byte_len(&info.shape).unwrap_or(usize::MAX);
    let end = data_start.saturating_add(offset).saturating_add(bytes as u64);
    if end > file_len as u64 {
        return Err(GgufFault::OutsideFile { name, end, len: file_len as u64 });
    }
    // Both ends are at most `file_len`, a usize.
    Ok((data_start + offset) as usize..end as usize)
}

fn refuse_overlap(placed: &[PlacedTensor], header: &RawHeader) -> Result<(), Rejection> {
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_unstable_by_key(|&i| placed[i].range.start);
    for pair in order.windows(2) {
        let (a, b) = (&placed[pair[0]], &placed[pair[1]]);
        if b.range.start < a.range.end {
            let fault = GgufFault::Overlap(a.info.name.clone(), b.info.name.clone());
            return Err(fault.at(header.tensors[pair[1]].at));
        }
    }
    Ok(())
}
