//! `pibit verify`: is a file what was written?

use crate::context::Context;
use crate::output;
use anyhow::{Result, bail};
use domain_types::{CodecSet, TensorSource};
use model_store::{Check, GgufFile, VerifyReport, VerifyStatus};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Checks the structure, the SHA-256 of every tensor and of the configuration, and that every weight is finite.
Exit code 0: sound; 3: damaged.

Example: pibit verify s3.gguf --json")]
pub struct Args {
    /// GGUF file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Verification {
    #[serde(flatten)]
    hashes: VerifyReport,
    /// Tensors with weights that are not finite.
    not_finite: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let file = GgufFile::open(&args.file, &context.catalogue)?;
    let verification =
        Verification { hashes: model_store::verify(&file)?, not_finite: not_finite(context, &file)? };
    if args.json {
        output::json(&verification)?;
    } else {
        show(&verification);
    }
    if verification.hashes.status == VerifyStatus::Damaged || !verification.not_finite.is_empty() {
        return Err(domain_types::PortError::invalid(format!(
            "{} is damaged: write it again from its source",
            args.file.display()
        ))
        .into());
    }
    if verification.hashes.status == VerifyStatus::NoHashesRecorded && verification.hashes.tensors.is_empty()
    {
        bail!("{} has no tensors", args.file.display());
    }
    Ok(())
}

fn not_finite(context: &Context, file: &GgufFile) -> Result<Vec<String>> {
    let bar = context.progress.bar("numbers", file.tensors().len() as u64);
    let mut found = Vec::new();
    let mut weights = Vec::new();
    for info in file.tensors() {
        bar.inc(1);
        // Integer tensors hold no weights.
        let Some(codec) = context.codecs.codec(&info.format) else { continue };
        weights.resize(info.shape.elements(), 0.0);
        codec.decode(file.tensor(&info.name)?.view(), &mut weights)?;
        if weights.iter().any(|w: &f32| !w.is_finite()) {
            found.push(info.name.clone());
        }
    }
    bar.finish_and_clear();
    Ok(found)
}

fn show(verification: &Verification) {
    let hashes = &verification.hashes;
    match hashes.status {
        VerifyStatus::Intact => println!("intact: {} tensors and the configuration", hashes.tensors.len()),
        VerifyStatus::NoHashesRecorded => println!("structure sound; the file carries no checksums"),
        VerifyStatus::Damaged => println!("damaged"),
    }
    if hashes.config == Check::Mismatch {
        println!("  the configuration differs from its checksum");
    }
    for tensor in hashes.tensors.iter().filter(|t| t.check == Check::Mismatch) {
        println!("  {} differs from its checksum", tensor.name);
    }
    for name in &verification.not_finite {
        println!("  {name} has weights that are not finite");
    }
}
