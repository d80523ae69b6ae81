//! `wasm-glue MODULE FOLDER NAME`: writes `NAME.js`, its types and `NAME_bg.wasm` for a module that rustc linked.
//!
//! The library behind the command `wasm-bindgen`, as a workspace member: the lock file then keeps it at exactly the version of
//! the crate `wasm-bindgen`, without which it refuses to work, and nothing has to be installed.

use anyhow::{Result, bail};
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = args.as_slice() else {
        bail!("three arguments: the linked module, the folder to write to, the name of the files");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(Path::new(module)).out_name(name).web(true)?.typescript(true);
    bindgen.omit_default_module_path(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(Path::new(folder))
}
