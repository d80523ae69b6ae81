//! Memory in pages of 2 MB. Weights are read in order, but every 4 kB page of a map needs its own entry of the TLB, and a
//! prefetch across a page waits for it: a PiQ2 model of 126 MB decodes 72 tokens/s from a map and 99 from huge pages with
//! one thread, 142 and 170 with two (virtual machine on a Sapphire Rapids).

use bytes::Bytes;
use memmap2::{Advice, MmapMut};
use std::fs::File;
use std::io::{self, Read};

/// Reads a file of `len` bytes; `None` where memory is short.
pub(super) fn read(mut file: &File, len: u64) -> io::Result<Option<Bytes>> {
    let Some(size) = usize::try_from(len).ok().filter(|_| fits(len)) else { return Ok(None) };
    let Ok(mut memory) = MmapMut::map_anon(size) else { return Ok(None) };
    // Only advice: a kernel without huge pages gives small ones.
    let _ = memory.advise(Advice::HugePage);
    file.read_exact(&mut memory)?;
    Ok(Some(Bytes::from_owner(memory.make_read_only()?)))
}

/// Whether a quarter of the memory that is available would be left.
fn fits(len: u64) -> bool {
    std::fs::read_to_string("/proc/meminfo")
        .ok()
        .as_deref()
        .and_then(available)
        .is_some_and(|all| len <= all / 4 * 3)
}

/// `MemAvailable` in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_what_the_file_has() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let read = read(&File::open(file.path()).unwrap(), bytes.len() as u64).unwrap();
        assert!(read.is_some_and(|read| read == bytes));
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        read(file.as_file(), 10).unwrap_err();
    }

    #[test]
    fn memory_is_asked_for_only_where_it_is() {
        assert_eq!(available("MemFree: 1 kB\nMemAvailable:   24015948 kB\n"), Some(24_015_948 * 1024));
        assert_eq!(available("MemFree: 1 kB\n"), None);
        assert!(!fits(u64::MAX));
    }
}
