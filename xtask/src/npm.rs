//! Packages for Node.js, installed outside of the clone.

use crate::packages::Package;
use crate::sh;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What installs them.
pub(crate) const PROGRAMS: [Package; 2] =
    [Package { name: "nodejs", file: "node" }, Package { name: "npm", file: "npm" }];

/// Installs what the `package.json` in a folder of the clone lists; returns the folder under `target` that has it in
/// `node_modules`.
pub(crate) fn install(of: &str, name: &str) -> Result<PathBuf> {
    let folder = sh::target()?.join("pibit").join(name);
    fs::create_dir_all(&folder)?;
    fs::copy(sh::root().join(of).join("package.json"), folder.join("package.json"))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--silent", "--prefer-offline", "--include=dev"])
        .current_dir(&folder);
    sh::run(&mut npm).with_context(|| format!("npm could not install the packages of {of}"))?;
    Ok(folder)
}
