//! Trained blocks at rest, and both streams behind them, in one safetensors file: a run goes on with the next block.

use super::BlockPoint;
use super::streams::Streams;
use crate::TrainError;
use crate::qat::QatPoint;
use crate::qat::QatTarget;
use crate::qat::checkpoint::{belongs, fail, metadata};
use domain_types::{QuantFormat, QuantTensor, Shape, scalar};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

/// Names of the streams in a file.
const STREAMS: [&str; 2] = ["stream.target", "stream.student"];

/// What a run needs to go on.
pub(super) struct BlockCheckpoint {
    pub(super) notes: Notes,
    /// Finished tensors, in the order of a file.
    pub(super) tensors: Vec<(String, QuantTensor)>,
    pub(super) streams: Streams,
}

/// What is no tensor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    /// What the run is made from. Another run must not go on from this one.
    pub(super) run: String,
    /// Blocks done.
    pub(super) blocks: Vec<BlockPoint>,
    pub(super) curve: Vec<QatPoint>,
    /// Name, format and dimensions of each finished tensor.
    packed: Vec<(String, String, Vec<usize>)>,
    /// Tokens of a row.
    length: usize,
}

impl Notes {
    /// Of a run that has no block behind it.
    pub(super) fn new(run: &str) -> Self {
        Self { run: run.to_owned(), ..Self::default() }
    }
}

impl BlockCheckpoint {
    /// Writes a temporary file, syncs it and renames it, so that there is a whole checkpoint at every moment.
    pub(super) fn save(&mut self, path: &Path) -> Result<(), TrainError> {
        let streams = &self.streams;
        let described = |(name, t): &(String, QuantTensor)| {
            (name.clone(), t.format().id().to_owned(), t.shape().dims().to_vec())
        };
        self.notes.packed = self.tensors.iter().map(described).collect();
        self.notes.length = streams.length;
        let notes = serde_json::to_string(&self.notes).map_err(|e| fail(path, &e))?;
        let mut parts: Vec<(&str, Part<'_>)> = Vec::new();
        for (name, stream) in STREAMS.into_iter().zip([&streams.target, &streams.student]) {
            parts.push((name, Part::floats(stream, streams.width)));
        }
        parts.extend(self.tensors.iter().map(|(name, t)| (name.as_str(), Part::bytes(t.bytes()))));
        let notes = HashMap::from([("notes".to_owned(), notes)]);
        let temporary = path.with_extension("tmp");
        safetensors::serialize_to_file(parts, Some(notes), &temporary).map_err(|e| fail(path, &e))?;
        let publish = || File::open(&temporary)?.sync_all().and_then(|()| fs::rename(&temporary, path));
        publish().map_err(|e: std::io::Error| fail(path, &e))
    }

    /// Reads the checkpoint of this run.
    pub(super) fn load(
        path: &Path,
        run: &str,
        targets: &BTreeMap<String, QatTarget>,
    ) -> Result<Self, TrainError> {
        let bytes = fs::read(path).map_err(|e| fail(path, &e))?;
        let notes: Notes = metadata(&bytes, path)?;
        belongs(&notes.run, run, path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(path, &e))?;
        let read = |name: &str| file.tensor(name).map_err(|e| fail(path, &e));
        let [target, student] = [read(STREAMS[0])?, read(STREAMS[1])?];
        let width = target.shape().last().copied().unwrap_or_default();
        let floats = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        let (target, student) = (floats(target.data()), floats(student.data()));
        let mut tensors = Vec::new();
        for (name, format, dims) in &notes.packed {
            let unknown = || fail(path, &format!("{name} has the unknown format {format}"));
            let format = format_of(name, format, targets).ok_or_else(unknown)?;
            let bytes = read(name)?.data().to_vec();
            tensors.push((name.clone(), QuantTensor::new(format, Shape::new(dims)?, bytes)?));
        }
        Ok(Self { streams: Streams { width, length: notes.length, target, student }, notes, tensors })
    }
}

/// Formats have no register here: a tensor has its target's, or a scalar one.
fn format_of(name: &str, id: &str, targets: &BTreeMap<String, QatTarget>) -> Option<QuantFormat> {
    let target = targets.get(name).map(QatTarget::format);
    target.into_iter().chain(scalar::ALL).find(|format| format.id() == id)
}

/// A tensor on its way into a file, turned into bytes when it is written.
enum Part<'a> {
    Floats { values: &'a [f32], dims: [usize; 2] },
    Bytes { bytes: &'a [u8], dims: [usize; 1] },
}

impl<'a> Part<'a> {
    fn floats(values: &'a [f32], width: usize) -> Self {
        Self::Floats { values, dims: [values.len() / width, width] }
    }

    fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes { bytes, dims: [bytes.len()] }
    }
}

impl View for Part<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Floats { .. } => Dtype::F32,
            Self::Bytes { .. } => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Floats { dims, .. } => dims,
            Self::Bytes { dims, .. } => dims,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Floats { values, .. } => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Bytes { bytes, .. } => Cow::Borrowed(bytes),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Floats { values, .. } => size_of_val(*values),
            Self::Bytes { bytes, .. } => bytes.len(),
        }
    }
}
