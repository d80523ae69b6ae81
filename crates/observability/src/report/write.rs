//! Files that are complete or absent.

use crate::ObservabilityError;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::Path;
use tempfile::Builder;

/// Writes beside the target, syncs, and renames over it. A link stays and leads to the new file, a file keeps its mode, a
/// write-protected one is left alone, and a pipe or device gets the bytes.
pub(super) fn atomically(path: &Path, bytes: &[u8]) -> Result<(), ObservabilityError> {
    try_write(path, bytes).map_err(|source| ObservabilityError::Write { path: path.to_owned(), source })
}

fn try_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if found.is_file() && found.permissions().readonly() => {
            let reason = "it is write-protected; write another file, or change its mode";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
        }
        Ok(found) if found.is_file() => replace(&path.canonicalize()?, bytes, Some(found.permissions())),
        Ok(found) if !found.is_dir() => File::options().write(true).open(path)?.write_all(bytes),
        _ => replace(path, bytes, None),
    }
}

fn replace(path: &Path, bytes: &[u8], mode: Option<Permissions>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    // A temporary file is private by default; a report is as readable as any file that the user makes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".report-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        for text in ["first", "second"] {
            atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_and_protected_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file.html"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file.html", &link).unwrap();
        atomically(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        let mut mode = file.metadata().unwrap().permissions();
        mode.set_readonly(true);
        std::fs::set_permissions(&file, mode).unwrap();
        let message = atomically(&link, b"newer").unwrap_err().to_string();
        assert!(message.contains("write-protected"), "{message}");
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        atomically(Path::new("/dev/null"), b"x").unwrap();
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        let message = atomically(&taken, b"x").unwrap_err().to_string();
        assert!(message.contains("taken"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
