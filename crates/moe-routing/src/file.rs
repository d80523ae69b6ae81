//! Experts in a file.

use crate::{ExpertCopy, ModelSize, MoeError};
use domain_types::{ExpertId, ExpertLayout, ExpertPart, ExpertStore, Grade, PortError, QuantFormat, Shape};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the matrices of a copy lie in a file.
#[derive(Debug, Clone)]
pub struct PlacedExpert {
    /// Which copy.
    pub copy: ExpertCopy,
    /// Format, shape and offset in bytes of gate, up and down.
    pub parts: [(QuantFormat, Shape, u64); 3],
    /// SHA-256 of their bytes, in this order; where it is not known, it is taken when the file is opened.
    pub sha256: Option<[u8; 32]>,
}

/// An [`ExpertStore`] that reads at offsets of a file, of whatever kind: whoever knows the file's headers says where
/// experts lie. The file is opened for reading alone.
///
/// Reads go through the operating system's page cache; [`without_page_cache`](Self::without_page_cache) keeps that
/// from holding experts that were evicted.
#[derive(Debug)]
pub struct FileExperts {
    path: PathBuf,
    file: File,
    size: ModelSize,
    copies: HashMap<ExpertCopy, (ExpertLayout, [u64; 3])>,
    keep_pages: bool,
}

impl FileExperts {
    /// Opens a file. Every place is checked to lie in it, and every hash that is not given is taken now, one expert in
    /// memory at a time.
    pub fn open(
        path: impl AsRef<Path>,
        size: ModelSize,
        places: impl IntoIterator<Item = PlacedExpert>,
    ) -> Result<Self, MoeError> {
        let path = path.as_ref().to_path_buf();
        let failed = |source| MoeError::Io { path: path.clone(), source };
        let file = File::open(&path).map_err(failed)?;
        let file_len = file.metadata().map_err(failed)?.len();
        let mut store = Self { path: path.clone(), file, size, copies: HashMap::new(), keep_pages: true };
        for PlacedExpert { copy, parts, sha256 } in places {
            if !size.contains(copy.id) {
                return Err(MoeError::NoSuchExpert { copy });
            }
            let offsets = parts.map(|(_, _, offset)| offset);
            let shapes = parts.map(|(format, shape, _)| (format, shape));
            let layout = ExpertLayout::new(shapes, sha256.unwrap_or_default())?;
            for (part, offset) in ExpertPart::ALL.into_iter().zip(offsets) {
                let end = offset.checked_add(layout.range(part).len() as u64);
                if end.is_none_or(|end| end > file_len) {
                    return Err(MoeError::OutsideFile { copy, path: store.path, file_len });
                }
            }
            let layout = match sha256 {
                Some(_) => layout,
                None => ExpertLayout::new(shapes, store.hash(&layout, offsets).map_err(failed)?)?,
            };
            store.copies.insert(copy, (layout, offsets));
        }
        Ok(store)
    }

    /// Asks the operating system now and after each read to forget the file's pages: memory then holds what the budget
    /// counts and no more. Linux only; elsewhere nothing changes. Pages that are mapped or being written stay.
    #[must_use]
    pub fn without_page_cache(mut self) -> Self {
        self.keep_pages = false;
        // What was read for hashes.
        forget_pages(&self.file, 0, 0);
        self
    }

    fn hash(&self, layout: &ExpertLayout, offsets: [u64; 3]) -> io::Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        for (part, offset) in ExpertPart::ALL.into_iter().zip(offsets) {
            let mut bytes = vec![0; layout.range(part).len()];
            read_at(&self.file, &mut bytes, offset)?;
            hasher.update(&bytes);
        }
        Ok(hasher.finalize().into())
    }
}

impl ExpertStore for FileExperts {
    fn layers(&self) -> usize {
        self.size.layers()
    }

    fn experts(&self) -> usize {
        self.size.experts()
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        self.copies.get(&ExpertCopy { id, grade }).map(|(layout, _)| layout)
    }

    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        let copy = ExpertCopy { id, grade };
        let (layout, offsets) = self.copies.get(&copy).ok_or(MoeError::NoSuchExpert { copy })?;
        let (expected, actual) = (layout.byte_len(), buffer.len());
        if expected != actual {
            return Err(MoeError::Length { what: "bytes of an expert's buffer", expected, actual }.into());
        }
        for (part, &offset) in ExpertPart::ALL.into_iter().zip(offsets) {
            let range = layout.range(part);
            let len = range.len();
            let read = read_at(&self.file, &mut buffer[range], offset);
            read.map_err(|source| MoeError::Io { path: self.path.clone(), source })?;
            if !self.keep_pages {
                forget_pages(&self.file, offset, len);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    // A handle has one position: without positional reads, threads take turns.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut file = file;
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Lets go of `len` bytes, all to the end of the file where `len` is 0.
#[cfg(target_os = "linux")]
fn forget_pages(file: &File, offset: u64, len: usize) {
    // Advice: where the system declines, reads are right all the same.
    let _ = rustix::fs::fadvise(
        file,
        offset,
        std::num::NonZeroU64::new(len as u64),
        rustix::fs::Advice::DontNeed,
    );
}

#[cfg(not(target_os = "linux"))]
fn forget_pages(_file: &File, _offset: u64, _len: usize) {}
