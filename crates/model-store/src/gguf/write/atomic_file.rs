//! A file that appears whole or not at all.

use crate::StoreError;
use std::fs::{File, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file being written beside its final name, which it takes when it is complete. Dropped before that, it
/// is gone. On Linux it has no name at all until then, so even a killed process leaves nothing behind.
///
/// A symbolic link stays, and the file that it leads to is replaced. A file that was there keeps its mode; one that is
/// write-protected is not replaced. What cannot be replaced (a pipe, a device) gets the bytes when they are complete.
#[derive(Debug)]
pub struct AtomicFile {
    draft: Draft,
    target: Target,
}

/// Where the bytes go.
#[derive(Debug)]
enum Target {
    File { path: PathBuf, folder: PathBuf, mode: Option<Permissions> },
    Stream(PathBuf),
}

#[derive(Debug)]
enum Draft {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl AtomicFile {
    /// Starts a file that will appear at `path`; fails where that names no file or its folder cannot be written.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let target = Target::of(path).map_err(StoreError::io(path, "cannot write"))?;
        let drafts = match &target {
            Target::File { folder, .. } => folder.clone(),
            Target::Stream(_) => std::env::temp_dir(),
        };
        let draft =
            Draft::open(&drafts).map_err(StoreError::io(&drafts, "cannot make a file in this folder"))?;
        Ok(Self { draft, target })
    }

    /// Waits until the bytes are on the disk, gives the file its name, and waits for the folder. Where any of this fails
    /// there is no new file, and an old one of that name stays.
    pub fn commit(self) -> Result<(), StoreError> {
        let Self { draft, target } = self;
        let (path, folder, mode) = match target {
            Target::File { path, folder, mode } => (path, folder, mode),
            Target::Stream(path) => {
                return draft.copy_to(&path).map_err(StoreError::io(&path, "cannot write"));
            }
        };
        if let Some(mode) = mode {
            draft
                .file()
                .set_permissions(mode)
                .map_err(StoreError::io(&path, "cannot keep the file's mode"))?;
        }
        draft.file().sync_all().map_err(StoreError::io(&path, "cannot flush to the disk"))?;
        draft
            .publish(&path, &folder)
            .map_err(StoreError::io(&path, "cannot give the finished file its name"))?;
        sync_folder(&folder).map_err(StoreError::io(&folder, "cannot flush the folder to the disk"))
    }
}

impl Target {
    fn of(path: &Path) -> io::Result<Self> {
        let refuse = |kind, reason: &str| Err(io::Error::new(kind, reason.to_owned()));
        let path = match path.metadata() {
            Ok(found) if found.is_dir() => return refuse(io::ErrorKind::IsADirectory, "it must name a file"),
            Ok(found) if !found.is_file() => return Ok(Self::Stream(path.to_owned())),
            Ok(found) if found.permissions().readonly() => {
                let reason = "the file is write-protected; write another one, or change its mode";
                return refuse(io::ErrorKind::PermissionDenied, reason);
            }
            Ok(_) => path.canonicalize()?,
            Err(_) => behind_links(path)?,
        };
        if path.file_name().is_none() {
            return refuse(io::ErrorKind::IsADirectory, "it must name a file");
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mode = path.metadata().ok().map(|found| found.permissions());
        Ok(Self::File { path, folder, mode })
    }
}

/// The path of a file that is not there yet, which links may lead to.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match path.read_link() {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its symbolic links lead in a circle"))
}

impl Draft {
    /// Writes all bytes to what is no file.
    fn copy_to(self, path: &Path) -> io::Result<()> {
        let mut from = self.file();
        from.seek(SeekFrom::Start(0))?;
        let mut to = File::options().write(true).open(path)?;
        io::copy(&mut from, &mut to)?;
        to.flush()
    }

    fn open(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Ok(file) = unnamed(folder) {
            return Ok(Self::Unnamed(file));
        }
        named(folder).map(Self::Named)
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }

    fn publish(self, path: &Path, folder: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => {
                // Links cannot replace a file, renames can: link to a fresh name, then rename.
                let linked =
                    tempfile::Builder::new().prefix(".pibit-").make_in(folder, |name| link(&file, name))?;
                linked.into_temp_path().persist(path).map_err(|e| e.error)
            }
            Self::Named(file) => {
                let _ = folder;
                file.persist(path).map(drop).map_err(|e| e.error)
            }
        }
    }
}

fn named(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pibit-").suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets; the process's umask takes its share away.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// A file without a name, on file systems that have such.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Gives a file without a name its first one.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd;
    let handle = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, handle, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "folders can be synced on Unix only")]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.draft.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.file().flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.draft.file().seek(to)
    }
}
