//! `pibit quantize`.

use super::calibrate;
use crate::calibration::Calibration;
use crate::context::Context;
use crate::frequent::{SplitEmbedding, VOCAB_PER_ROW, most_frequent};
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{
    Budget, Calibrated, Carried, Checkpoint, Chosen, ConstantRule, Importance, KeepRule, Needs, Plan,
    PlanOptions, Prefix, QuantizeReport, RoundedTensors, Rounding, Search, effect, quantize_model,
};
use crate::rotate::{Basis, RotatedSource};
use crate::runnable::WeightsOnly;
use crate::stage;
use anyhow::{Context as _, Result, bail};
use domain_types::{FrequentTokens, RotationSpec, TensorSource};
use quant_core::StepSearch;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
Norms and biases are copied. A tensor whose rows do not fit its format is an error unless --allow-fallback is given.

Examples:
  pibit quantize tiny -f piq3 -o tiny-piq3.gguf
  pibit quantize smollm2 -f piq2 --embed q4_0 -o s2.gguf --json
  pibit quantize smollm2 -f piq3 --keep '*attn_v*=q4_0' --keep 'blk.0.*=q8_0' -o mixed.gguf
  pibit quantize smollm2 -f t3 --rotate -o rotated.gguf
  pibit quantize smollm2 -f t3_l10 --rotate --embed t4 --calib smollm2.calib.gguf -o s3.gguf
  pibit quantize smollm2 --budget 46MB -o best.gguf
  pibit quantize smollm2 --budget 46MB --calib smollm2.calib.gguf -o best.gguf
  pibit quantize smollm2 -f piq3 --step imatrix --imatrix smollm2.imatrix.gguf -o s3.gguf")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Format of the linear layers; `pibit formats` lists them
    #[arg(short, long, required_unless_present_any = ["budget", "bpw"])]
    format: Option<String>,
    /// Choose rotation and the format of every tensor for the best file of at most this size (such as 45MB or 43MiB)
    #[arg(
        long,
        value_name = "SIZE",
        conflicts_with_all = ["format", "rotate", "embed", "output_head", "keep", "allow_fallback"]
    )]
    budget: Option<Budget>,
    /// The same for at most so many bits of file per weight
    #[arg(
        long,
        value_name = "BITS",
        conflicts_with_all = ["format", "rotate", "embed", "output_head", "keep", "allow_fallback", "budget"]
    )]
    bpw: Option<f64>,
    /// How the step of a grid is found [default: imatrix where --imatrix or --calib tells what inputs are, else mse]
    #[arg(long, value_name = "rms|mse|imatrix")]
    step: Option<StepSearch>,
    /// llama.cpp's importance matrix (GGUF), for --step imatrix
    #[arg(long, value_name = "FILE")]
    imatrix: Option<PathBuf>,
    /// Divisor k of the step α·π/k, 2 to 5; the format's default where not given
    #[arg(short, long)]
    k: Option<u8>,
    /// Constant of the step, for all or one class of tensors (attn, ffn, embd, output): pi, e, phi, sqrt2, ln2
    #[arg(long, value_name = "[CLASS=]NAME")]
    constant: Vec<ConstantRule>,
    /// Format of the embedding [default: q4_0 where FORMAT has fewer than 4.5 bits, else FORMAT]
    #[arg(long, value_name = "FORMAT")]
    embed: Option<String>,
    /// Format of the output head where it is not the embedding [default: as the embedding]
    #[arg(long, value_name = "FORMAT")]
    output_head: Option<String>,
    /// Another format for tensors whose name matches (`*` and `?`); `source` copies. The first match counts
    #[arg(long, value_name = "PATTERN=FORMAT")]
    keep: Vec<KeepRule>,
    /// Give tensors whose rows do not fit a larger format (q8_0, else f16) instead of failing
    #[arg(long)]
    allow_fallback: bool,
    /// Rotate weights so that none is large, and have the runtime rotate with them: less error below 4 bits
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "full",
        conflicts_with = "imatrix"
    )]
    rotate: Option<Rotate>,
    /// With --calib: keep the embedding's rows of so many frequent tokens apart, in Q8_0 [default: a 24th of the
    /// vocabulary with --budget and --bpw, else 0]
    #[arg(long, value_name = "TOKENS", requires = "calib")]
    frequent: Option<usize>,
    /// What the signs of rotations are made from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What `pibit calibrate` wrote: rounds layer by layer for the inputs that layers get
    #[arg(long, value_name = "FILE", conflicts_with = "imatrix")]
    calib: Option<PathBuf>,
    /// With --budget or --bpw and without --calib: texts to calibrate on [default: the built-in corpus]
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["calib", "format"])]
    text: Vec<PathBuf>,
    /// With --calib: rtn, ldlq or ldlq+refine
    #[arg(long, value_name = "METHOD", default_value = "ldlq", requires = "calib")]
    rounding: quant_core::Rounding,
    /// With --calib: what lies before a layer while its inputs are observed
    #[arg(long, value_enum, default_value_t, requires = "calib")]
    prefix: Prefix,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    weights_only: WeightsOnly,
    /// Give weights beyond a format's range its largest number instead of failing
    #[arg(long)]
    saturate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What --rotate rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Rotate {
    /// Inputs of all linear layers, and rows of embedding and output head
    Full,
    /// Rows of embedding and output head alone: layers can be copied as they are
    Ends,
}

impl Rotate {
    fn spec(self, seed: u64) -> RotationSpec {
        match self {
            Self::Full => RotationSpec::full(seed),
            Self::Ends => RotationSpec::ends(seed),
        }
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = quantize(context, args)?;
    if args.json {
        return output::json(&report);
    }
    let fallbacks = report.tensors.iter().filter(|t| t.fallback).count();
    if fallbacks > 0 {
        println!("{fallbacks} tensors have a larger format than asked for; --json names them");
    }
    println!(
        "{}: {}, {:.3} bits per weight, {:.1} s",
        report.output,
        output::bytes(report.bytes),
        report.bits_per_weight,
        report.seconds
    );
    Ok(())
}

/// Quantizes as the options say.
pub(crate) fn quantize(context: &Context, args: &Args) -> Result<QuantizeReport> {
    args.weights_only.allow(context, &*args.model.open(context)?)?;
    let rounding = rounding(context, args)?;
    let sha256 = args.model.sha256()?;
    let own = args.calibrates_itself().then(|| own_calibration(context, args)).transpose()?;
    let path = args.calib.as_deref().or(own.as_ref().map(|own| own.file.as_path()));
    let calibration = path.map(|path| calibration(context, args, path, &sha256)).transpose()?;
    let depends_on = depends_on(args, &sha256, calibration.as_ref(), &rounding);
    let (report, seconds) = context.timed(|| {
        let checkpoint = Checkpoint::new(context, &args.output, &depends_on);
        let chosen = choose(context, args, calibration.as_ref(), &rounding, &sha256, &checkpoint)?;
        let Chosen { basis, plan, report: allocation } = &chosen;
        let done = match &calibration {
            None => RoundedTensors::new(),
            Some(calibration) => {
                let carried = Carried { calibration, basis };
                let rotation = basis.source().spec()?.rotation;
                let depends_on = format!("{depends_on} {rotation:?} {:?}", plan.formats());
                let checkpoint = &Checkpoint::new(context, &args.output, &depends_on);
                let (rounding, prefix) = (&rounding, args.prefix);
                Calibrated { context, carried, plan, rounding, prefix, checkpoint }.round()?
            }
        };
        let report = quantize_model(context, basis.source(), &sha256, plan, &rounding, &args.output, done)?;
        checkpoint.clear()?;
        Ok(QuantizeReport { allocation: allocation.clone(), ..report })
    })?;
    Ok(QuantizeReport { seconds, ..report })
}

/// Rotation and formats: what was asked for, or what is best for the budget.
fn choose<'a>(
    context: &'a Context,
    args: &'a Args,
    calibration: Option<&Calibration>,
    rounding: &Rounding,
    source_sha256: &str,
    checkpoint: &Checkpoint<'_>,
) -> Result<Chosen<'a>> {
    let frequent = args.frequent_tokens(context, calibration)?;
    let open = || -> Result<Box<dyn TensorSource + 'a>> {
        let source = args.model.open(context)?;
        match &frequent {
            Some(tokens) => Ok(Box::new(SplitEmbedding::new(source, tokens.clone(), &context.codecs)?)),
            None => Ok(source),
        }
    };
    if let (Some(calibration), Some(budget)) = (calibration, args.budget(context)?) {
        let (open, seed, prefix) = (&open as _, args.seed, args.prefix);
        let needs = Needs { calibration, rounding, source_sha256, checkpoint };
        let _span = stage::search(budget.0).entered();
        return Search { context, open, needs, seed, budget, prefix }.run();
    }
    let basis = args.basis(context, open()?)?;
    let tensors = basis.source().tensors();
    let options = args.plan();
    options.refuse_without_effect(tensors)?;
    let plan = stage::plan(tensors.len()).in_scope(|| Plan::make(tensors, &options, &context.catalogue))?;
    effect::check(&plan, rounding, context.progress)?;
    Ok(Chosen { basis, plan, report: None })
}

/// A calibration that a budget needs and nobody gave.
struct OwnCalibration {
    file: PathBuf,
    /// Goes with it.
    _folder: tempfile::TempDir,
}

fn own_calibration(context: &Context, args: &Args) -> Result<OwnCalibration> {
    let texts: Vec<_> = args.text.iter().map(|path| path.display().to_string()).collect();
    let on = if texts.is_empty() { "the built-in corpus".into() } else { texts.join(", ") };
    context.progress.note(&format!(
        "calibrating on {on}; for a model of other texts give --text, or --calib with what `pibit calibrate` wrote"
    ));
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let file = folder.path().join("calibration.gguf");
    let longest = args.model.open(context)?.spec()?.context_length;
    let asked = calibrate::Args::for_budget(&args.model, longest, &args.text, args.seed, &file);
    calibrate::calibrate(context, &asked)?;
    Ok(OwnCalibration { file, _folder: folder })
}

impl Args {
    /// Whether there is a budget and nothing to spend it by.
    fn calibrates_itself(&self) -> bool {
        self.calib.is_none() && (self.budget.is_some() || self.bpw.is_some())
    }

    /// The most bytes that the file may have, where that is asked for.
    fn budget(&self, context: &Context) -> Result<Option<Budget>> {
        let Some(bits) = self.bpw else { return Ok(self.budget) };
        if !bits.is_finite() || bits <= 0.0 {
            bail!("--bpw {bits} is no number of bits; write for example --bpw 2.5");
        }
        let source = self.model.open(context)?;
        let weights: usize = source.tensors().iter().map(|info| info.shape.elements()).sum();
        Ok(Some(Budget((weights as f64 * bits / 8.0) as u64)))
    }

    /// The tokens whose rows are kept apart. Without a number that is for budgets only, where the embedding is the head.
    fn frequent_tokens(
        &self,
        context: &Context,
        calibration: Option<&Calibration>,
    ) -> Result<Option<FrequentTokens>> {
        let Some(calibration) = calibration else { return Ok(None) };
        let spec = self.model.open(context)?.spec()?;
        let chosen = spec.tied_embeddings && (self.budget.is_some() || self.bpw.is_some());
        let usual = if chosen { spec.vocab_size / VOCAB_PER_ROW } else { 0 };
        match self.frequent.unwrap_or(usual) {
            0 => Ok(None),
            count => {
                let tokens = most_frequent(&calibration.chunks()?, count);
                Ok(Some(FrequentTokens::new(tokens, spec.vocab_size)?))
            }
        }
    }

    fn basis<'a>(&self, context: &'a Context, source: Box<dyn TensorSource + 'a>) -> Result<Basis<'a>> {
        let Some(rotate) = self.rotate else { return Ok(Basis::Original(source)) };
        let (rotation, codecs, sink) = (rotate.spec(self.seed), &context.codecs, &*context.sink);
        let rotated = stage::rotate(source.tensors().len())
            .in_scope(|| RotatedSource::new(source, rotation, codecs, sink))?;
        Ok(Basis::Rotated(Box::new(rotated)))
    }

    fn plan(&self) -> PlanOptions {
        PlanOptions {
            format: self.format.clone().unwrap_or_default(),
            embed: self.embed.clone(),
            output_head: self.output_head.clone(),
            keep: self.keep.clone(),
            allow_fallback: self.allow_fallback,
        }
    }
}

/// All that a run's finished parts depend on, but for the plan.
fn depends_on(args: &Args, sha256: &str, calibration: Option<&Calibration>, rounding: &Rounding) -> String {
    let calibration = calibration.and_then(Calibration::config_sha256);
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{version} {sha256} {calibration:?} {rounding:?} {} {:?} {:?}",
        args.seed, args.prefix, args.frequent
    )
}

fn rounding(context: &Context, args: &Args) -> Result<Rounding> {
    let importance = match (&args.imatrix, args.step) {
        (Some(path), _) => Some(Importance::read(context, path)?),
        (None, Some(StepSearch::Imatrix)) if args.calib.is_none() => {
            bail!("--step imatrix needs --calib FILE (`pibit calibrate`) or --imatrix FILE (llama-imatrix)")
        }
        (None, _) => None,
    };
    let (step, k, constants) = (args.step, args.k, args.constant.clone());
    Ok(Rounding { step, k, constants, importance, saturate: args.saturate, method: args.rounding })
}

fn calibration(context: &Context, args: &Args, path: &Path, model_sha256: &str) -> Result<Calibration> {
    let calibration = Calibration::open(&context.catalogue, path)?;
    if calibration.model_sha256() != Some(model_sha256) {
        bail!("{} was made from another model; run `pibit calibrate {}`", path.display(), args.model);
    }
    Ok(calibration)
}
