//! Other commands' options, for commands that are made of them.

use anyhow::{Context as _, Result};
use std::ffi::OsString;

/// The options that a command line would give a command: its defaults and checks included.
pub(super) fn parsed<A: clap::Args>(options: impl IntoIterator<Item = impl Into<OsString>>) -> Result<A> {
    let command = A::augment_args(clap::Command::new("pibit").no_binary_name(true));
    let matches = command.try_get_matches_from(options.into_iter().map(Into::into));
    A::from_arg_matches(&matches.context("options of a step")?).context("options of a step")
}
