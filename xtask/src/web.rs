//! `cargo xtask web`: the page, served on this machine.

mod server;

pub(crate) use server::Server;

use crate::build::wasm;
use crate::sh;
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port; 0 takes any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build first even where there is a page already
    #[arg(long)]
    build: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = sh::target()?.join("pibit/web");
    if args.build || !folder.join("index.html").exists() {
        wasm::build()?;
    }
    let server = Server::new(folder, args.port)?;
    println!("http://{}/", server.address());
    server.run();
    Ok(())
}
