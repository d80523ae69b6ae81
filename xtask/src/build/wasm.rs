//! The browser's parts: modules by rustc (rustup's target where it is installed, else Debian's toolchain), their
//! JavaScript, the npm package around them, and the page.

use crate::packages::{self, Package};
use crate::toolchain::{Toolchain, wasm_flags};
use crate::{npm, sh};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm-release";
const CRATE: &str = "crates/pibit-web";
pub(crate) const JS: &str = "crates/pibit-web/js";

/// Debian's linker.
pub(crate) const LINKER: Package = Package { name: "lld-19", file: "wasm-ld-19" };

/// A module of the package. Those of the same instructions stand together.
struct Module {
    /// Its folder.
    name: &'static str,
    instructions: &'static str,
    args: &'static [&'static str],
    /// Bytes before compression that it should not be above.
    goal: u64,
}

const MODULES: [Module; 3] = [
    Module { name: "simd128", instructions: "+simd128", args: &[], goal: 1_500_000 },
    Module { name: "quantizer", instructions: "+simd128", args: &["--no-default-features"], goal: 150_000 },
    Module { name: "relaxed", instructions: "+simd128,+relaxed-simd", args: &[], goal: 1_500_000 },
];

impl Module {
    /// Where cargo keeps what it made for these instructions.
    fn target(&self) -> Result<PathBuf> {
        Ok(sh::target()?.join("pibit").join(self.instructions.replace(['+', ','], "")))
    }

    /// The module as the linker left it.
    fn linked(&self) -> Result<PathBuf> {
        Ok(self.target()?.join(self.name).with_extension("wasm"))
    }
}

/// Installs the toolchain where it is missing.
pub(crate) fn prepare() -> Result<()> {
    packages::install(&npm::PROGRAMS)?;
    let toolchain = Toolchain::of(TARGET);
    if toolchain == Toolchain::Rustup {
        return Ok(());
    }
    packages::install(&toolchain.packages(&[LINKER]))
        .with_context(|| format!("`rustup target add {TARGET}` or Debian's packages are needed"))
}

/// Builds everything into the returned folder and prints the modules' sizes.
pub(crate) fn build() -> Result<PathBuf> {
    prepare()?;
    let web = sh::target()?.join("pibit/web");
    if web.exists() {
        fs::remove_dir_all(&web).with_context(|| format!("could not empty {}", web.display()))?;
    }
    compile_all()?;
    for module in &MODULES {
        let folder = web.join("pibit/wasm").join(module.name);
        glue(module, &folder)?;
        weigh(module, &folder.join("pibit_bg.wasm"))?;
    }
    copy(&sh::root().join(JS), &web.join("pibit"))?;
    vendor(&web.join("pibit/vendor"))?;
    copy(&sh::root().join(CRATE).join("page"), &web)?;
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(sh::root().join(license), web.join("pibit").join(license))?;
    }
    fs::create_dir_all(web.join("models"))?;
    fs::copy(sh::root().join("crates/pibit/models/tiny.gguf"), web.join("models/tiny.gguf"))?;
    println!("page: {}\npackage: {}", web.display(), web.join("pibit").display());
    Ok(web)
}

/// Puts the libraries that the package brings along into `folder`: a page without a bundler cannot import them by name.
fn vendor(folder: &Path) -> Result<()> {
    let jinja = npm::install(JS, "vendor")?.join("node_modules/@huggingface/jinja");
    fs::create_dir_all(folder)?;
    for (from, to) in [("dist/index.js", "jinja.js"), ("LICENSE", "LICENSE-jinja")] {
        fs::copy(jinja.join(from), folder.join(to))
            .with_context(|| format!("{from} of {}", jinja.display()))?;
    }
    Ok(())
}

/// Compiles all modules, those of different instructions beside each other: optimising across crates takes minutes on one
/// processor, and they share no crate.
fn compile_all() -> Result<()> {
    thread::scope(|scope| {
        let builds: Vec<_> = MODULES
            .chunk_by(|a, b| a.instructions == b.instructions)
            .map(|modules| scope.spawn(|| modules.iter().try_for_each(compile)))
            .collect();
        builds.into_iter().try_for_each(|build| build.join().expect("errors are returned"))
    })
}

fn compile(module: &Module) -> Result<()> {
    let toolchain = Toolchain::of(TARGET);
    // Not said in the manifest: beside an ordinary library, cargo would not optimise across crates.
    let mut command = toolchain.cargo("rustc", "std,panic_abort");
    command.args(["--package", "pibit-web", "--lib", "--crate-type", "cdylib"]);
    command.args(["--target", TARGET, "--profile", PROFILE]);
    command.arg("--target-dir").arg(module.target()?);
    command.args(module.args).env("RUSTFLAGS", wasm_flags(toolchain, module.instructions));
    sh::run(&mut command)?;
    // The next of the same instructions has the same name.
    let made = module.target()?.join(TARGET).join(PROFILE).join("pibit_web.wasm");
    fs::copy(&made, module.linked()?).with_context(|| made.display().to_string())?;
    Ok(())
}

/// Makes a module's JavaScript and types.
fn glue(module: &Module, folder: &Path) -> Result<()> {
    let mut glue = sh::cargo(["run", "--quiet", "--profile", sh::TOOLS, "--package", "wasm-glue", "--"]);
    sh::run(glue.arg(module.linked()?).arg(folder).arg("pibit"))
}

fn weigh(module: &Module, file: &Path) -> Result<()> {
    let (name, goal) = (module.name, module.goal);
    let bytes = fs::metadata(file).with_context(|| file.display().to_string())?.len();
    let verdict = if bytes > goal { "above" } else { "within" };
    println!("{name}: {bytes} bytes before compression, {verdict} the goal of {goal}");
    Ok(())
}

/// Copies a folder with what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
