//! Building llama.cpp: its source is in the source package of `llama-cpp-python`, and the build tools are Python
//! packages as well. Needed besides: Python 3 with pip, tar and a C++ compiler. About ten minutes on two cores.

use super::executable;
use crate::sh;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version whose llama.cpp is of 2026-10-01.
const PACKAGE: &str = "llama-cpp-python==0.3.36";

/// What pip needs to open the source package, and what builds it.
const BUILD_TOOLS: [&str; 3] = ["scikit-build-core", "cmake", "ninja"];

/// For this processor, and only what the tools need.
const OPTIONS: [&str; 8] = [
    "-DCMAKE_BUILD_TYPE=Release",
    "-DGGML_NATIVE=ON",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
];

/// Builds these tools with everything below `home`, and puts them into `folder`.
pub(super) fn build(home: &Path, tools: &[&str], folder: &Path) -> Result<()> {
    eprintln!("building llama.cpp in {} (about ten minutes)", home.display());
    let workshop = Workshop { home };
    workshop.install_build_tools()?;
    let source = workshop.source()?;
    let build = home.join("build");
    sh::run(
        workshop
            .command("cmake")
            .arg("-S")
            .arg(source)
            .arg("-B")
            .arg(&build)
            .args(["-G", "Ninja"])
            .args(OPTIONS),
    )
    .context("llama.cpp could not be configured; is a C++ compiler installed?")?;
    sh::run(workshop.command("ninja").arg("-C").arg(&build).args(tools))?;
    std::fs::create_dir_all(folder)?;
    for tool in tools {
        std::fs::copy(executable(&build.join("bin"), tool), executable(folder, tool))?;
    }
    Ok(())
}

/// A folder with build tools of its own, so that nothing is installed elsewhere.
struct Workshop<'a> {
    home: &'a Path,
}

impl Workshop<'_> {
    fn install_build_tools(&self) -> Result<()> {
        if executable(&self.tools().join("bin"), "ninja").is_file() {
            return Ok(());
        }
        sh::run(self.pip("install").arg("--target").arg(self.tools()).args(BUILD_TOOLS))
    }

    /// The folder with llama.cpp's source.
    fn source(&self) -> Result<PathBuf> {
        let unpacked = self.home.join("src");
        let source = unpacked.join("vendor/llama.cpp");
        if !source.join("CMakeLists.txt").is_file() {
            let mut download = self.pip("download");
            download.args(["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest"]);
            sh::run(download.arg(self.home).arg(PACKAGE))?;
            std::fs::create_dir_all(&unpacked)?;
            let mut tar = Command::new("tar");
            sh::run(
                tar.arg("xzf").arg(self.package()?).arg("-C").arg(&unpacked).arg("--strip-components=1"),
            )?;
        }
        Ok(source)
    }

    /// The package that pip has downloaded.
    fn package(&self) -> Result<PathBuf> {
        let files = std::fs::read_dir(self.home)?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut packages = files.filter(|path| path.extension().is_some_and(|e| e == "gz"));
        packages.next().context("pip left no source package")
    }

    fn pip(&self, what: &str) -> Command {
        let mut command = self.command("python3");
        command.args(["-m", "pip", what, "--quiet", "--disable-pip-version-check"]);
        command
    }

    /// A program that finds the build tools.
    fn command(&self, program: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.tools().join("bin")).chain(std::env::split_paths(&path));
        let path: OsString = std::env::join_paths(folders).unwrap_or(path.clone());
        let own = executable(&self.tools().join("bin"), program);
        let mut command = Command::new(if own.is_file() { own } else { program.into() });
        command.env("PYTHONPATH", self.tools()).env("PATH", path);
        command
    }

    fn tools(&self) -> PathBuf {
        self.home.join("tools")
    }
}
