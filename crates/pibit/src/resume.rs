//! A folder of finished parts beside an output: a run that was killed goes on where it was.
//!
//! `OUTPUT.resume` holds a GGUF file per part. All carry a key of everything that they depend on; what has another key,
//! or is damaged, counts as absent. A finished run removes the folder.

use crate::context::Context;
use crate::floats;
use anyhow::{Context as _, Result};
use domain_types::{FormatCatalogue, Metadata, QuantTensor, TensorInfo, TensorSource};
use model_store::{GgufFile, GgufWriter, VerifyStatus};
use std::path::{Path, PathBuf};

const KEY: &str = "pibit.resume.key";

/// A folder of finished parts.
pub(crate) struct ResumeFolder<'a> {
    catalogue: &'a FormatCatalogue,
    folder: PathBuf,
    key: String,
}

impl<'a> ResumeFolder<'a> {
    /// Of a run that writes `output`; `depends_on` says all that its result depends on.
    pub(crate) fn new(context: &'a Context, output: &Path, depends_on: &str) -> Self {
        let mut folder = output.as_os_str().to_owned();
        folder.push(".resume");
        let key = model_store::sha256_bytes(depends_on.as_bytes());
        Self { catalogue: &context.catalogue, folder: folder.into(), key }
    }

    /// Removes everything: the run is finished.
    pub(crate) fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a part, in place of what was kept under its name.
    pub(crate) fn write<'t>(
        &self,
        part: &str,
        metadata: Metadata,
        tensors: impl Iterator<Item = (&'t str, &'t QuantTensor)> + Clone,
    ) -> Result<()> {
        self.try_write(part, metadata, tensors).inspect_err(|_| {
            // Of use where other parts are in it.
            std::fs::remove_dir(&self.folder).ok();
        })
    }

    fn try_write<'t>(
        &self,
        part: &str,
        mut metadata: Metadata,
        tensors: impl Iterator<Item = (&'t str, &'t QuantTensor)> + Clone,
    ) -> Result<()> {
        let failed = || format!("could not keep what is finished in {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(failed)?;
        metadata.set(KEY, self.key.as_str());
        let infos =
            tensors.clone().map(|(name, tensor)| TensorInfo::new(name, *tensor.format(), *tensor.shape()));
        let infos = infos.collect::<Result<Vec<_>, _>>()?;
        let mut writer = GgufWriter::create(self.path(part), metadata, infos, None).with_context(failed)?;
        for (name, tensor) in tensors {
            writer.push(name, tensor).with_context(failed)?;
        }
        writer.finish().with_context(failed)?;
        Ok(())
    }

    /// A part with this key and sound checksums.
    pub(crate) fn read(&self, part: &str) -> Option<GgufFile> {
        let file = GgufFile::open(self.path(part), self.catalogue).ok()?;
        let sound = file.metadata().str(KEY) == Some(&self.key)
            && model_store::verify(&file).is_ok_and(|report| report.status == VerifyStatus::Intact);
        sound.then_some(file)
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.gguf"))
    }
}

/// The numbers of a tensor of F32 in a part.
pub(crate) fn numbers(part: &GgufFile, name: &str) -> Option<Vec<f32>> {
    floats::values(&part.tensor(name).ok()?)
}
