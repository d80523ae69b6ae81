//! Errors to exit codes.

use domain_types::{DomainError, PortError};
use model_store::StoreError;
use moe_routing::MoeError;
use std::process::ExitCode;

/// A file or folder that is damaged or of a kind that is not supported.
const BAD_INPUT: u8 = 3;
const FAILED: u8 = 1;

/// Prints an error with its causes and returns the exit code for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = cause.to_string();
        // Transparent wrappers repeat their source's text.
        if !last.contains(&text) {
            eprintln!("{}{text}", if depth == 0 { "error: " } else { "  because: " });
        }
        last = text;
    }
    ExitCode::from(if is_bad_input(error) { BAD_INPUT } else { FAILED })
}

fn is_bad_input(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(is_bad_file)
            || cause.is::<DomainError>()
            || matches!(cause.downcast_ref(), Some(PortError::Invalid(_)))
            || matches!(cause.downcast_ref(), Some(MoeError::BadTrace { .. }))
    })
}

/// Whether a file is to blame, and not the disk or the system.
fn is_bad_file(error: &StoreError) -> bool {
    !matches!(error, StoreError::Io { .. } | StoreError::Write { .. })
}
