//! Which tensor gets which format.

use super::role::TensorRole;
use crate::nearest::nearest;
use anyhow::{Result, bail};
use domain_types::{FormatCatalogue, QuantFormat, TensorInfo, scalar};
use std::str::FromStr;
use wildmatch::WildMatch;

/// Below this many bits per weight the embedding gets [`COARSE_EMBED`] where the user does not choose: rounded to 2 or
/// 3 bits without training it would spoil every token.
const EMBED_MIN_BITS: f64 = 4.5;
const COARSE_EMBED: &str = "q4_0";

/// A user's rule: tensors whose names match get this format.
#[derive(Debug, Clone)]
pub(crate) struct KeepRule {
    pattern: WildMatch,
    /// The pattern as it was written.
    text: String,
    /// A format, or `source` for "as it is".
    format: String,
}

impl FromStr for KeepRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((pattern, format)) if !pattern.is_empty() && !format.is_empty() => {
                let (text, format) = (pattern.to_owned(), format.to_owned());
                Ok(Self { pattern: WildMatch::new(pattern), text, format })
            }
            _ => Err(format!(
                "{text:?} is not PATTERN=FORMAT, for example 'blk.0.*=q8_0' or '*attn_v*=source'"
            )),
        }
    }
}

/// What the user asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlanOptions {
    /// Format of the linear layers.
    pub(crate) format: String,
    /// Format of the embedding.
    pub(crate) embed: Option<String>,
    /// Format of an output head of its own.
    pub(crate) output_head: Option<String>,
    /// Exceptions; the first that matches counts.
    pub(crate) keep: Vec<KeepRule>,
    /// Whether a tensor whose rows do not fit may get a larger format.
    pub(crate) allow_fallback: bool,
}

/// One tensor of the new file.
#[derive(Debug, Clone)]
pub(crate) struct PlannedTensor {
    /// As it is in the source.
    pub(crate) source: TensorInfo,
    /// Its new format; the same as in the source where it is copied.
    pub(crate) format: QuantFormat,
    /// Whether `format` is larger than what was asked for.
    pub(crate) fallback: bool,
}

/// The new file's tensors, in the source's order.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) tensors: Vec<PlannedTensor>,
}

impl Plan {
    /// Decides for every tensor; an error lists all tensors that their format cannot hold.
    pub(crate) fn make(
        tensors: &[TensorInfo],
        options: &PlanOptions,
        catalogue: &FormatCatalogue,
    ) -> Result<Self> {
        let chooser = Chooser::new(options, catalogue)?;
        let mut planned = Vec::with_capacity(tensors.len());
        let mut misfits = Vec::new();
        for source in tensors {
            let wanted = chooser.format_for(source)?;
            let fits = wanted.fits(&source.shape);
            let format = match fits {
                true => wanted,
                false if options.allow_fallback => fallback(source, catalogue),
                false => {
                    misfits.push(format!("{} (rows of {}) in {wanted}", source.name, source.shape.row_len()));
                    continue;
                }
            };
            planned.push(PlannedTensor { source: source.clone(), format, fallback: !fits });
        }
        if !misfits.is_empty() {
            bail!(
                "{} tensors do not fit the format asked for, for example {}; choose another format (`pibit formats` \
                 lists what rows each takes), name one for them with --keep, or pass --allow-fallback for q8_0 or f16",
                misfits.len(),
                misfits[0]
            );
        }
        Ok(Self { tensors: planned })
    }
}

impl PlanOptions {
    /// For what a user asks: an option that touches no tensor was meant otherwise.
    pub(crate) fn refuse_without_effect(&self, tensors: &[TensorInfo]) -> Result<()> {
        let names = || tensors.iter().map(|tensor| tensor.name.as_str());
        for rule in &self.keep {
            if !names().any(|name| rule.pattern.matches(name)) {
                bail!(
                    "--keep {}={} matches no tensor{}",
                    rule.text,
                    rule.format,
                    nearest(&rule.text, names())
                );
            }
        }
        let role = |role| names().any(|name| TensorRole::of(name) == role);
        if self.output_head.is_some() && !role(TensorRole::OutputHead) {
            bail!(
                "--output-head has no effect: the model's head is its embedding, whose format --embed sets"
            );
        }
        Ok(())
    }
}

impl Plan {
    /// Every tensor with its format.
    pub(crate) fn formats(&self) -> Vec<(&str, &'static str)> {
        self.tensors.iter().map(|t| (t.source.name.as_str(), t.format.id())).collect()
    }
}

/// What nearly any row fits, and next to nothing is lost in.
pub(crate) fn fallback(info: &TensorInfo, catalogue: &FormatCatalogue) -> QuantFormat {
    let q8_0 = catalogue.by_id("q8_0").filter(|f| f.fits(&info.shape));
    q8_0.copied().unwrap_or(scalar::F16)
}

/// The options with their names looked up.
struct Chooser<'a> {
    format: QuantFormat,
    embed: QuantFormat,
    output_head: QuantFormat,
    keep: &'a [KeepRule],
    catalogue: &'a FormatCatalogue,
}

impl<'a> Chooser<'a> {
    fn new(options: &'a PlanOptions, catalogue: &'a FormatCatalogue) -> Result<Self> {
        let format = look_up(&options.format, catalogue)?;
        let coarse = format.bits_per_weight() < EMBED_MIN_BITS;
        let embed = match &options.embed {
            Some(name) => look_up(name, catalogue)?,
            None if coarse => look_up(COARSE_EMBED, catalogue)?,
            None => format,
        };
        let output_head = options.output_head.as_ref().map_or(Ok(embed), |name| look_up(name, catalogue))?;
        Ok(Self { format, embed, output_head, keep: &options.keep, catalogue })
    }

    fn format_for(&self, info: &TensorInfo) -> Result<QuantFormat> {
        if let Some(rule) = self.keep.iter().find(|rule| rule.pattern.matches(&info.name)) {
            return if rule.format == "source" {
                Ok(info.format)
            } else {
                look_up(&rule.format, self.catalogue)
            };
        }
        // Norms and biases are a thousandth of the weights and decide much.
        if !info.is_matrix() {
            return Ok(info.format);
        }
        Ok(match TensorRole::of(&info.name) {
            TensorRole::Embedding => self.embed,
            TensorRole::OutputHead => self.output_head,
            TensorRole::FrequentRows => fallback(info, self.catalogue),
            TensorRole::Attention | TensorRole::FeedForward | TensorRole::Other => self.format,
            // As norms: next to no weights, and what they get wrong goes to another expert.
            TensorRole::Router => info.format,
        })
    }
}

fn look_up(name: &str, catalogue: &FormatCatalogue) -> Result<QuantFormat> {
    match catalogue.by_id(name) {
        Some(format) => Ok(*format),
        None => bail!("format {name:?} is not known; `pibit formats` lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::Shape;

    fn tensor(name: &str, dims: &[usize]) -> TensorInfo {
        TensorInfo::new(name, scalar::F32, Shape::new(dims).unwrap()).unwrap()
    }

    fn formats(options: &PlanOptions) -> Result<Vec<&'static str>> {
        let tensors = [
            tensor("token_embd.weight", &[512, 576]),
            tensor("blk.0.attn_norm.weight", &[576]),
            tensor("blk.0.attn_q.weight", &[576, 576]),
            tensor("blk.0.ffn_down.weight", &[576, 1536]),
        ];
        let plan = Plan::make(&tensors, options, &quant_core::catalogue())?;
        Ok(plan.tensors.iter().map(|t| t.format.id()).collect())
    }

    fn options(format: &str) -> PlanOptions {
        PlanOptions { format: format.into(), ..PlanOptions::default() }
    }

    #[test]
    fn embeddings_and_norms_are_treated_apart() {
        assert_eq!(formats(&options("piq3")).unwrap(), ["q4_0", "f32", "piq3", "piq3"]);
        assert_eq!(formats(&options("q8_0")).unwrap(), ["q8_0", "f32", "q8_0", "q8_0"]);
        let embed = PlanOptions { embed: Some("f16".into()), ..options("piq2") };
        assert_eq!(formats(&embed).unwrap(), ["f16", "f32", "piq2", "piq2"]);
    }

    #[test]
    fn routers_stay_as_they_are() {
        let tensors = ["gate_inp", "gate_inp_shexp", "gate_exps"]
            .map(|part| tensor(&format!("blk.0.ffn_{part}.weight"), &[16, 576]));
        let formats = |options: &PlanOptions| {
            let plan = Plan::make(&tensors, options, &quant_core::catalogue()).unwrap();
            plan.tensors.iter().map(|t| t.format.id()).collect::<Vec<_>>()
        };
        assert_eq!(formats(&options("piq2")), ["f32", "f32", "piq2"]);
        let keep = vec!["*gate_inp.weight=q8_0".parse().unwrap()];
        assert_eq!(formats(&PlanOptions { keep, ..options("piq2") }), ["q8_0", "f32", "piq2"]);
    }

    #[test]
    fn the_first_matching_rule_counts() {
        let keep = ["*attn*weight=source", "*attn_q*=f16", "*norm*=f16"]
            .iter()
            .map(|r| r.parse().unwrap())
            .collect();
        let rules = PlanOptions { keep, ..options("piq3") };
        assert_eq!(formats(&rules).unwrap(), ["q4_0", "f32", "f32", "piq3"]);
    }

    #[test]
    fn nothing_falls_back_silently() {
        let error = formats(&options("q2_k")).unwrap_err().to_string();
        assert!(error.contains("blk.0.attn_q.weight") && error.contains("--allow-fallback"), "{error}");
        let allowed = PlanOptions { allow_fallback: true, ..options("q2_k") };
        assert_eq!(formats(&allowed).unwrap(), ["q4_0", "f32", "q8_0", "q2_k"]);
    }

    #[test]
    fn unknown_formats_are_named() {
        assert!(formats(&options("q9_9")).unwrap_err().to_string().contains("q9_9"));
    }
}
