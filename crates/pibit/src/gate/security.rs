//! G5: damage is found, and unsafe code says why it is sound.

use super::input::GateInput;
use super::measured::{Figures, Measured};
use super::viable;
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::verification;
use anyhow::{Context as _, Result, bail};
use model_store::{GgufFile, VerifyStatus};
use std::path::Path;

/// Flipped bits, one at a time.
const FAULTS: usize = 64;

pub(super) fn measure(context: &Context, input: &GateInput) -> Result<Measured> {
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let ModelRef::Path(path) = viable::quantized(context, input, folder.path())? else {
        bail!("a file was made");
    };
    let bytes = std::fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    let file = GgufFile::from_bytes(bytes.clone(), &context.catalogue)?;
    let found = verification::check(context, &file, &file)?;
    let mut figures = Figures::from([
        ("damaged_tensors", found.damaged() as f64),
        ("undetected_faults", undetected(context, &bytes) as f64),
        ("faults_planted", FAULTS as f64),
    ]);
    let sources =
        input.sources.clone().or_else(|| Some("crates".into()).filter(|p: &std::path::PathBuf| p.is_dir()));
    // Without the sources nothing is known of them; the compiler refused them if they were not explained.
    let unexplained = sources.map(|folder| unexplained_unsafe(&folder)).transpose()?.unwrap_or_default();
    figures.insert("unexplained_unsafe", unexplained as f64);
    Ok(Measured::Figures(figures))
}

/// Flips bits all over a file; counts flips that neither the parser nor verification notices.
fn undetected(context: &Context, bytes: &[u8]) -> usize {
    let mut missed = 0;
    for fault in 0..FAULTS {
        let mut damaged = bytes.to_vec();
        let at = (bytes.len() - 1) * fault / FAULTS;
        damaged[at] ^= 1 << (fault % 8);
        let Ok(file) = GgufFile::from_bytes(damaged, &context.catalogue) else { continue };
        match model_store::verify(&file) {
            Ok(report) if report.status == VerifyStatus::Intact => missed += 1,
            // An error is a finding, too.
            Ok(_) | Err(_) => {}
        }
    }
    missed
}

/// Unsafe blocks and implementations with no `SAFETY` in the eight lines before them.
fn unexplained_unsafe(folder: &Path) -> Result<usize> {
    let mut found = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found += unexplained_unsafe(&path)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path)?;
            found += unexplained(&text);
        }
    }
    Ok(found)
}

fn unexplained(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let opens = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains(concat!("unsafe", " {")) || code.trim_start().starts_with("unsafe impl")
    };
    let explained = |at: usize| lines[at.saturating_sub(8)..=at].iter().any(|line| line.contains("SAFETY"));
    (0..lines.len()).filter(|&at| opens(lines[at]) && !explained(at)).count()
}
