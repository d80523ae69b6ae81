//! llama.cpp's tools: those that are there, or built from the source in its Python package.

mod build;

use crate::bench::cache;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that `crates/pibit/tests/llama_cpp.rs` reads, too.
const VARIABLE: &str = "PIBIT_LLAMA_CPP";

/// What is needed of it.
const TOOLS: [&str; 3] = ["llama-quantize", "llama-bench", "llama-imatrix"];

/// A folder with all [`TOOLS`].
pub(super) struct LlamaCpp {
    folder: PathBuf,
}

impl LlamaCpp {
    /// The folder given, else the one that the environment names, else one in the cache.
    pub(super) fn find_or_build(given: Option<&Path>) -> Result<Self> {
        let named = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(folder) = given.map(Path::to_path_buf).or(named) {
            let folder = std::path::absolute(folder)?;
            let Some(missing) = TOOLS.iter().find(|tool| !executable(&folder, tool).is_file()) else {
                return Ok(Self { folder });
            };
            bail!("{} has no {missing}; give a folder with {}", folder.display(), TOOLS.join(", "));
        }
        let home = cache::folder("llama.cpp")?;
        let folder = home.join("bin");
        if TOOLS.iter().any(|tool| !executable(&folder, tool).is_file()) {
            build::build(&home, &TOOLS, &folder)?;
        }
        Ok(Self { folder })
    }

    pub(super) fn tool(&self, name: &str) -> Command {
        Command::new(executable(&self.folder, name))
    }
}

/// Where a program of this name lies in a folder.
fn executable(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}
