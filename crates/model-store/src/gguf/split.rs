//! A GGUF model in several files, as `llama-gguf-split` makes them: `NAME-00001-of-00003.gguf` and so on.

use super::GgufFile;
use crate::{StoreError, spec};
use domain_types::{Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// All files of a model together. Metadata is that of the first.
#[derive(Debug)]
struct SplitGguf {
    files: Vec<GgufFile>,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    /// File and place in `infos`, by name.
    places: HashMap<String, (usize, usize)>,
}

/// Opens a file by `open`, and where it is one of several the others with it. Any of them may be given.
pub(crate) fn open_whole(
    path: &Path,
    open: impl Fn(&Path) -> Result<GgufFile, StoreError>,
) -> Result<Box<dyn TensorSource>, StoreError> {
    let file = open(path)?;
    let count = file.metadata().u64(COUNT).unwrap_or(1);
    if count <= 1 {
        return Ok(Box::new(file));
    }
    let refuse = |file: &Path, reason: String| StoreError::Split { file: file.display().to_string(), reason };
    let paths = shard_paths(path).filter(|paths| paths.len() as u64 == count);
    let paths = paths.ok_or_else(|| {
        refuse(path, format!("is one of {count} files of a model; give it its name back, which ends in -00001-of-{count:05}.gguf"))
    })?;
    let mut files = Vec::with_capacity(paths.len());
    for (number, part) in paths.iter().enumerate() {
        if !part.exists() {
            let reason = format!("is missing; the model is in {count} files, put them all into one folder");
            return Err(refuse(part, reason));
        }
        let shard = open(part)?;
        let metadata = shard.metadata();
        if (metadata.u64(NUMBER), metadata.u64(COUNT)) != (Some(number as u64), Some(count)) {
            return Err(refuse(
                part,
                "is not the part of the model that its name says; fetch it again".into(),
            ));
        }
        files.push(shard);
    }
    Ok(Box::new(SplitGguf::join(files).map_err(|reason| refuse(path, reason))?))
}

/// The files of a model, in order, by the name of one of them; `None` for other names.
pub fn shard_paths(path: &Path) -> Option<Vec<PathBuf>> {
    let name = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
    let (rest, count) = name.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let five_digits =
        |s: &str| (s.len() == 5 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok());
    let (number, count): (u32, u32) = (five_digits(number)??, five_digits(count)??);
    let paths = (1..=count).map(|i| path.with_file_name(format!("{stem}-{i:05}-of-{count:05}.gguf")));
    (1..=count).contains(&number).then(|| paths.collect())
}

impl SplitGguf {
    fn join(files: Vec<GgufFile>) -> Result<Self, String> {
        let mut metadata = files[0].metadata().clone();
        let expected = metadata.u64(TENSORS);
        for key in [NUMBER, COUNT, TENSORS] {
            metadata.remove(key);
        }
        let (mut infos, mut places) = (Vec::new(), HashMap::new());
        for (number, file) in files.iter().enumerate() {
            for info in file.tensors() {
                if places.insert(info.name.clone(), (number, infos.len())).is_some() {
                    return Err(format!("tensor `{}` is in two of the model's files", info.name));
                }
                infos.push(info.clone());
            }
        }
        if expected.is_some_and(|n| n != infos.len() as u64) {
            let expected = expected.unwrap_or_default();
            return Err(format!("its files hold {} tensors together, {expected} were written", infos.len()));
        }
        Ok(Self { files, metadata, infos, places })
    }
}

impl TensorSource for SplitGguf {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        match self.places.get(name) {
            Some(&(file, _)) => self.files[file].tensor(name),
            None => Err(StoreError::NoSuchTensor(name.into()).into()),
        }
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(spec::model_spec(self)?)
    }

    fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.places.get(name).map(|&(_, at)| &self.infos[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let paths = shard_paths(Path::new("a/b-c-00002-of-00003.gguf")).unwrap();
        let expected =
            ["a/b-c-00001-of-00003.gguf", "a/b-c-00002-of-00003.gguf", "a/b-c-00003-of-00003.gguf"];
        assert_eq!(paths, expected.map(PathBuf::from));
        for other in [
            "b.gguf",
            "b-00004-of-00003.gguf",
            "b-00000-of-00003.gguf",
            "b-2-of-3.gguf",
            "b-00001-of-0003.gguf",
        ] {
            assert_eq!(shard_paths(Path::new(other)), None, "{other}");
        }
    }
}
