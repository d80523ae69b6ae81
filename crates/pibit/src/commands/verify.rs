//! `pibit verify`: is a file what was written, and by whom?

use crate::context::Context;
use crate::output;
use crate::stage;
use crate::verification::{Severity, Signer, Verification, check};
use anyhow::Result;
use model_store::{GgufFile, VerifyStatus};
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Checks the structure, the SHA-256 of every tensor and of the configuration, that every weight is finite, and with
--public-key a signature that `minisign -S -m FILE` made. What that guarantees: docs/security.md.
Exit code 0: sound; 3: damaged, or not signed by the key.

Examples:
  pibit verify s3.gguf --json
  pibit verify s3.gguf --public-key RWQf6LRC…")]
pub struct Args {
    /// GGUF file
    file: PathBuf,
    /// Ask for a signature by this minisign key (Base64, or a file)
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// The signature [default: FILE.minisig]
    #[arg(long, value_name = "FILE", requires = "public_key")]
    signature: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let _span = stage::verify(&args.file.display().to_string()).entered();
    let signer = args.public_key.as_deref();
    let signer = signer.map(|key| Signer::new(key, args.signature.as_deref(), &args.file)).transpose()?;
    let file = GgufFile::open(&args.file, &context.catalogue)?;
    // Of a model in several files the others must be there, too.
    let model = model_store::open_model(&args.file, &context.catalogue)?;
    let mut verification = check(context, &file, &*model)?;
    if let Some(signer) = signer {
        verification = verification.with_signature(signer.check(file.as_bytes()));
    }
    if args.json {
        output::json(&verification)?;
    } else {
        show(&verification);
    }
    if verification.severity() == Severity::Critical {
        let file = args.file.display();
        let message =
            format!("{file} is damaged or not signed: get it again, or write it again from its source");
        return Err(domain_types::PortError::invalid(message).into());
    }
    Ok(())
}

fn show(verification: &Verification) {
    let hashes = &verification.hashes;
    match hashes.status {
        VerifyStatus::Intact => println!("intact: {} tensors and the configuration", hashes.tensors.len()),
        VerifyStatus::NoHashesRecorded => println!("structure sound; the file carries no checksums"),
        VerifyStatus::Damaged => println!("damaged"),
    }
    for finding in &verification.findings {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        let of = finding.tensor.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
        println!("  {severity}: {of}{}", finding.message);
    }
}
