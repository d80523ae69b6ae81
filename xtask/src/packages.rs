//! What Debian's packages bring: whether it is there, and how it is installed.

use crate::sh;
use anyhow::{Context, Result, bail};
use std::env;
use std::path::Path;
use std::process::Command;

/// A package, and a file or a program by which it is known.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
}

impl Package {
    fn is_there(&self) -> bool {
        // An absolute path replaces the folder that it is joined to.
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(self.file).exists())
    }
}

/// Fails with the names of all that are missing.
pub(crate) fn require(packages: &[Package]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(());
    }
    bail!("missing: {0}\ninstall with: apt-get install --no-install-recommends {0}", missing.join(" "))
}

/// Installs what is missing, where that is possible: as root, with apt.
pub(crate) fn install(packages: &[Package]) -> Result<()> {
    let missing = missing(packages);
    let is_root = || sh::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if missing.is_empty() || !Path::new("/usr/bin/apt-get").exists() || !is_root() {
        return require(packages);
    }
    let hint = || format!("could not install {}", missing.join(" "));
    sh::run(Command::new("apt-get").args(["update", "-qq"])).with_context(hint)?;
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing);
    sh::run(&mut command).with_context(hint)?;
    require(packages)
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().filter(|package| !package.is_there()).map(|package| package.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let here = Package { name: "cargo", file: "cargo" };
        let absent = Package { name: "absent-package", file: "/no/such/file" };
        assert_eq!(missing(&[here, absent]), ["absent-package"]);
        let error = require(&[here, absent]).unwrap_err().to_string();
        assert!(error.ends_with("--no-install-recommends absent-package"), "{error}");
    }
}
