//! What can be known of a file before it is trusted: checksums, numbers, a signature.

mod finding;
mod numbers;
mod signature;

pub(crate) use finding::{Finding, Severity};
pub(crate) use signature::Signer;

use crate::context::Context;
use crate::runnable::Runnable;
use anyhow::Result;
use domain_types::TensorSource;
use model_store::{Check, GgufFile, VerifyReport, VerifyStatus};
use serde::Serialize;

/// All that was found.
#[derive(Serialize)]
pub(crate) struct Verification {
    #[serde(flatten)]
    pub(crate) hashes: VerifyReport,
    /// Whether this program can run the model.
    pub(crate) runnable: Runnable,
    /// Tensors with weights that are not finite.
    pub(crate) not_finite: Vec<String>,
    /// Whose signature the file carries, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<signature::Signature>,
    /// Gravest first.
    pub(crate) findings: Vec<Finding>,
}

impl Verification {
    /// Tensors whose bytes or numbers are wrong.
    pub(crate) fn damaged(&self) -> usize {
        let mismatched = self.hashes.tensors.iter().filter(|t| t.check == Check::Mismatch);
        let mut names: Vec<&str> = mismatched.map(|t| t.name.as_str()).collect();
        names.extend(self.not_finite.iter().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The gravest finding.
    pub(crate) fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info)
    }

    /// Adds what a signature says.
    pub(crate) fn with_signature(mut self, signature: signature::Signature) -> Self {
        self.findings.push(signature.finding());
        self.signature = Some(signature);
        self.sort();
        self
    }

    fn sort(&mut self) {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }
}

/// Checks checksums and numbers. The structure was checked when the file was opened.
///
/// `model` is what the file is, or is a part of.
pub(crate) fn check(context: &Context, file: &GgufFile, model: &dyn TensorSource) -> Result<Verification> {
    let runnable = Runnable::of(context, model);
    let hashes = model_store::verify(file)?;
    let numbers = numbers::scan(context, file)?;
    let mut findings = of_hashes(&hashes);
    findings.extend(numbers.findings());
    if file.tensors().is_empty() {
        findings.push(Finding::critical("no_tensors", "the file holds no tensors"));
    }
    findings.extend(runnable.reason.as_deref().map(|reason| {
        Finding::warning("not_runnable", format!("this program cannot run the model: {reason}"))
    }));
    let mut verification =
        Verification { hashes, runnable, not_finite: numbers.not_finite, signature: None, findings };
    verification.sort();
    Ok(verification)
}

fn of_hashes(report: &VerifyReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    if report.config == Check::Mismatch {
        let text = "metadata or tensor descriptions differ from their checksum";
        findings.push(Finding::critical("config_checksum", text));
    }
    for tensor in report.tensors.iter().filter(|tensor| tensor.check == Check::Mismatch) {
        findings.push(Finding::critical("tensor_checksum", "differs from its checksum").of(&tensor.name));
    }
    match report.status {
        VerifyStatus::NoHashesRecorded => {
            let text = "the file carries no checksums: only its structure and numbers could be checked";
            findings.push(Finding::warning("no_checksums", text));
        }
        VerifyStatus::Damaged if findings.is_empty() => {
            findings.push(Finding::critical("checksums_missing", "some checksums are missing"));
        }
        _ => {}
    }
    findings
}
