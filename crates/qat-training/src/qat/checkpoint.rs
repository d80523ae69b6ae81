//! A run at rest: parameters, the optimizers' moments and the loss curve, in one safetensors file. A run that goes on
//! from it does what it would have done.

use super::QatPoint;
use super::student::ParameterValue;
use crate::TrainError;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Names of the optimizers' states in a file; parameters have their numbers.
const OPTIMIZERS: [&str; 2] = ["optimizer.weights", "optimizer.steps"];

/// What a run needs to go on.
pub(super) struct QatCheckpoint {
    pub(super) notes: Notes,
    pub(super) values: Vec<ParameterValue>,
    /// The optimizers' states, in burn's own format.
    pub(super) optimizers: [Vec<u8>; 2],
}

/// What is no tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// What the run is made from. Another run must not go on from this one.
    pub(super) run: String,
    /// Optimizer steps done.
    pub(super) step: usize,
    pub(super) curve: Vec<QatPoint>,
}

impl QatCheckpoint {
    /// Writes a temporary file, syncs it and renames it, so that there is a whole checkpoint at every moment.
    pub(super) fn save(&self, path: &Path) -> Result<(), TrainError> {
        let notes = serde_json::to_string(&self.notes).map_err(|e| fail(path, &e))?;
        let bytes: Vec<Vec<u8>> =
            self.values.iter().map(|(_, v)| v.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
        let mut views = Vec::with_capacity(bytes.len() + OPTIMIZERS.len());
        for (number, ((dims, _), bytes)) in self.values.iter().zip(&bytes).enumerate() {
            let view = TensorView::new(Dtype::F32, dims.clone(), bytes).map_err(|e| fail(path, &e))?;
            views.push((format!("{number:05}"), view));
        }
        for (name, state) in OPTIMIZERS.into_iter().zip(&self.optimizers) {
            let view = TensorView::new(Dtype::U8, vec![state.len()], state).map_err(|e| fail(path, &e))?;
            views.push((name.to_owned(), view));
        }
        let notes = HashMap::from([("notes".to_owned(), notes)]);
        let file = safetensors::serialize(views, Some(notes)).map_err(|e| fail(path, &e))?;
        let temporary = path.with_extension("tmp");
        let write = || {
            let mut out = File::create(&temporary)?;
            out.write_all(&file)?;
            out.sync_all()?;
            fs::rename(&temporary, path)
        };
        write().map_err(|e: std::io::Error| fail(path, &e))
    }

    /// Reads the checkpoint of this run.
    pub(super) fn load(path: &Path, run: &str) -> Result<Self, TrainError> {
        let bytes = fs::read(path).map_err(|e| fail(path, &e))?;
        let notes: Notes = metadata(&bytes, path)?;
        belongs(&notes.run, run, path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(path, &e))?;
        let state = |name: &str| file.tensor(name).map(|t| t.data().to_vec()).map_err(|e| fail(path, &e));
        let optimizers = [state(OPTIMIZERS[0])?, state(OPTIMIZERS[1])?];
        let mut values = Vec::new();
        while let Ok(tensor) = file.tensor(&format!("{:05}", values.len())) {
            let numbers = tensor.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
            values.push((tensor.shape().to_vec(), numbers));
        }
        Ok(Self { notes, values, optimizers })
    }
}

pub(super) fn fail(path: &Path, reason: &dyn std::fmt::Display) -> TrainError {
    TrainError::Checkpoint { path: PathBuf::from(path), reason: reason.to_string() }
}

/// What a file says beside its tensors.
pub(super) fn metadata<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, TrainError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| fail(path, &e))?;
    let notes = header.metadata().as_ref().and_then(|notes| notes.get("notes"));
    let notes = notes.ok_or_else(|| fail(path, &"it is no checkpoint of this program"))?;
    serde_json::from_str(notes).map_err(|e| fail(path, &e))
}

/// Refuses a checkpoint of another run.
pub(super) fn belongs(found: &str, run: &str, path: &Path) -> Result<(), TrainError> {
    let why = "it belongs to a run with another model, other data or settings; delete it or name another";
    if found == run { Ok(()) } else { Err(fail(path, &why)) }
}
