//! Files as bytes: mapped where the platform maps files, or read into memory.

#[cfg(all(feature = "mmap", target_os = "linux"))]
mod huge_pages;

use crate::StoreError;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::path::Path;

/// All bytes of a regular file, mapped where the platform maps files.
pub(crate) fn file_bytes(path: &Path) -> Result<Bytes, StoreError> {
    with_file(path, |file, _| mapped(file))
}

/// All bytes of a regular file, in memory of our own where there is enough: in huge pages on Linux, which make reading
/// weights again and again up to twice as fast as from a map.
pub(crate) fn resident_bytes(path: &Path) -> Result<Bytes, StoreError> {
    with_file(path, |file, len| {
        #[cfg(all(feature = "mmap", target_os = "linux"))]
        if let Some(bytes) = huge_pages::read(file, len)? {
            return Ok(bytes);
        }
        let _ = len;
        mapped(file)
    })
}

fn with_file(path: &Path, read: impl FnOnce(&File, u64) -> io::Result<Bytes>) -> Result<Bytes, StoreError> {
    let file = File::open(path).map_err(StoreError::io(path, "cannot open"))?;
    let meta = file.metadata().map_err(StoreError::io(path, "cannot read its size"))?;
    if !meta.is_file() {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(StoreError::io(path, "cannot read")(error));
    }
    if meta.len() == 0 {
        return Ok(Bytes::new()); // an empty file cannot be mapped
    }
    read(&file, meta.len()).map_err(StoreError::io(path, "cannot read"))
}

#[cfg(feature = "mmap")]
fn mapped(file: &File) -> io::Result<Bytes> {
    // SAFETY: the map is read-only. Another process that changes the file could change the bytes under us; every
    // size was checked against the map's own length, weights are plain numbers, and `GgufFile::open` tells callers
    // not to shorten files in use.
    let map = unsafe { memmap2::Mmap::map(file) }?;
    Ok(Bytes::from_owner(map))
}

#[cfg(not(feature = "mmap"))]
fn mapped(mut file: &File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(bytes.into())
}
