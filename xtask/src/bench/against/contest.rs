//! Who is measured against whom.

use super::files::Files;
use super::{Model, Programs};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// One of llama.cpp's types and the formats of ours that stand against it. A format of the type's own name means the
/// same file in both programs.
#[derive(Debug, Clone)]
pub(super) struct Pairing {
    theirs: &'static str,
    ours: Vec<&'static str>,
}

const RANDOM: [(&str, &[&str]); 6] = [
    ("Q2_K", &["piq2", "t2", "q2_k"]),
    ("Q3_K", &["piq3", "t3", "q3_k"]),
    ("TQ2_0", &["pit", "tq2_0"]),
    ("Q4_0", &["q4_0"]),
    ("Q4_K", &["q4_k"]),
    ("Q6_K", &["q6_k"]),
];

const SMOLLM2: [(&str, &[&str]); 2] =
    [("Q4_1", &["piq2", "piq3", "t2", "t3", "q4_1"]), ("IQ2_XXS", &["piq2", "piq3", "t2", "t3", "iq2_xxs"])];

/// The pairings for a model: those of `only` where it names any, without formats that this pibit does not have.
pub(super) fn choose(
    programs: &Programs,
    model: Model,
    only: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<Pairing>> {
    let all: &[(&'static str, &[&'static str])] = if model == Model::Random { &RANDOM } else { &SMOLLM2 };
    if let Some(unknown) = only.iter().find(|o| !all.iter().any(|(_, ours)| ours.contains(&o.as_str()))) {
        bail!("--only {unknown}: nothing of this model is measured in that format");
    }
    let formats = programs.pibit_json("formats", &[])?;
    let names = formats.as_array().into_iter().flatten().filter_map(|f| f["format"].as_str());
    let known: Vec<_> = names.collect();
    let mut missing = Vec::new();
    let mut wanted = |format: &&'static str| {
        let asked = only.is_empty() || only.iter().any(|o| o == format);
        if asked && !known.contains(format) && !missing.contains(format) {
            missing.push(*format);
        }
        asked && known.contains(format)
    };
    let pairings = all.iter().map(|&(theirs, ours)| Pairing {
        theirs,
        ours: ours.iter().filter(|f| wanted(f)).copied().collect(),
    });
    let pairings: Vec<_> = pairings.filter(|p| !p.ours.is_empty()).collect();
    notes.extend(missing.iter().map(|format| format!("{format} was left out: this pibit does not have it")));
    Ok(pairings)
}

/// A program with a file.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) format: &'static str,
    pub(super) file: PathBuf,
    /// Bytes of weights that a decoded token reads.
    pub(super) weight_bytes: u64,
    pub(super) ours: bool,
}

impl Contender {
    pub(super) fn program(&self) -> &'static str {
        if self.ours { "pibit" } else { "llama.cpp" }
    }

    /// Program and format, for people.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.program(), self.format)
    }
}

/// llama.cpp's contender and ours, files made.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    /// llama.cpp's first.
    pub(super) contenders: Vec<Contender>,
}

impl Contest {
    pub(super) fn prepare(pairing: &Pairing, files: &Files<'_>) -> Result<Self> {
        let theirs = files.theirs(pairing.theirs)?;
        let mut contenders = vec![(pairing.theirs, theirs.clone(), false)];
        for &format in &pairing.ours {
            let same = format.eq_ignore_ascii_case(pairing.theirs);
            contenders.push((format, if same { theirs.clone() } else { files.ours(format)? }, true));
        }
        let contenders = contenders.into_iter().map(|(format, file, ours)| {
            Ok(Contender { format, weight_bytes: files.weight_bytes(&file)?, file, ours })
        });
        Ok(Self { contenders: contenders.collect::<Result<_>>()? })
    }
}
