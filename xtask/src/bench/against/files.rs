//! Model files: made once, kept in the cache.

use super::{Args, LlamaCpp, Model, Programs};
use crate::bench::cache;
use crate::sh;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One model in as many files as contests ask for.
pub(super) struct Files<'a> {
    programs: &'a Programs,
    llama_cpp: &'a LlamaCpp,
    args: &'a Args,
    folder: PathBuf,
    /// Start of the files' names.
    stem: String,
    /// The file that all others are made from.
    base: PathBuf,
}

impl<'a> Files<'a> {
    pub(super) fn new(programs: &'a Programs, llama_cpp: &'a LlamaCpp, args: &'a Args) -> Result<Self> {
        let folder = cache::folder("bench")?;
        let (stem, base) = match args.model {
            Model::Random => {
                let stem = format!("random-{}", args.layers);
                let base = folder.join(format!("{stem}.gguf"));
                if !base.exists() {
                    sh::run(programs.command("random-llama")?.arg(&base).arg(args.layers.to_string()))?;
                }
                (stem, base)
            }
            Model::SmolLm2 => {
                let path = sh::output(programs.pibit("fetch")?.arg("smollm2"))?;
                ("smollm2".into(), PathBuf::from(path.trim()))
            }
        };
        Ok(Self { programs, llama_cpp, args, folder, stem, base })
    }

    /// The model in a type of llama.cpp's, made by llama.cpp.
    pub(super) fn theirs(&self, name: &str) -> Result<PathBuf> {
        // SmolLM2 comes in this type.
        if self.args.model == Model::SmolLm2 && name == "Q4_1" {
            return Ok(self.base.clone());
        }
        self.make(&format!("llama.cpp-{}", name.to_lowercase()), |to| {
            let mut command = self.llama_cpp.tool("llama-quantize");
            match self.args.model {
                // All tensors in the one type: then bytes can be compared.
                Model::Random => command.arg("--pure").arg(&self.base),
                Model::SmolLm2 => command.arg("--imatrix").arg(self.imatrix()?).arg(self.floats()?),
            };
            // llama-quantize names mixtures of these; with --pure the small ones are the type and nothing else.
            let name = if matches!(name, "Q3_K" | "Q4_K") { format!("{name}_S") } else { name.into() };
            sh::output(command.arg(to).arg(name)).map(drop)
        })
    }

    /// The model in a format of ours: the random one in nothing else, SmolLM2 with pibit's usual embedding.
    pub(super) fn ours(&self, format: &str) -> Result<PathBuf> {
        let name = format!("pibit-{format}");
        let file = self.path(&name);
        if !self.args.reuse && file.exists() && file.metadata()?.modified()? < self.programs.pibit_built()? {
            std::fs::remove_file(&file)?;
        }
        self.make(&name, |to| {
            let mut command = self.programs.pibit("quantize")?;
            command.arg(&self.base).args(["--format", format, "--output"]).arg(to);
            if self.args.model == Model::Random {
                command.args(["--embed", format]);
            }
            sh::run(&mut command)
        })
    }

    /// Bytes of weights that a decoded token reads: all, but for an embedding that is not the output head as well.
    pub(super) fn weight_bytes(&self, file: &Path) -> Result<u64> {
        let path = file.to_str().context("the cache folder's name is not UTF-8")?;
        let model = self.programs.pibit_json("inspect", &[path])?;
        let tensors: Vec<_> = model["tensors"].as_array().into_iter().flatten().collect();
        let own_head = tensors.iter().any(|t| t["name"] == "output.weight");
        let read = tensors.iter().filter(|t| !(own_head && t["name"] == "token_embd.weight"));
        Ok(read.filter_map(|t| t["bytes"].as_u64()).sum())
    }

    /// SmolLM2 as floats: llama.cpp takes those as the source of any type.
    fn floats(&self) -> Result<PathBuf> {
        self.make("f32", |to| {
            let mut command = self.programs.pibit("dequantize")?;
            sh::run(command.arg(&self.base).args(["--as", "f32", "--output"]).arg(to))
        })
    }

    fn imatrix(&self) -> Result<PathBuf> {
        if let Some(given) = &self.args.imatrix {
            return Ok(given.clone());
        }
        let text = sh::root().join("docs/formats.md");
        let floats = self.floats()?;
        self.make("imatrix", |to| {
            let mut command: Command = self.llama_cpp.tool("llama-imatrix");
            command.arg("-m").arg(&floats).arg("-f").arg(&text).args(["-c", "256", "-o"]).arg(to);
            sh::output(&mut command).map(drop)
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.{name}.gguf", self.stem))
    }

    /// A file of this name, made where it is missing; it appears when it is complete.
    fn make(&self, name: &str, how: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.path(name);
        if !path.exists() {
            eprintln!("making {}", path.display());
            let part = path.with_extension("part.gguf");
            how(&part)?;
            std::fs::rename(&part, &path).with_context(|| format!("could not keep {}", path.display()))?;
        }
        Ok(path)
    }
}
