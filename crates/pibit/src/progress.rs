//! Progress bars on standard error; none with `--quiet` or where nobody watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Makes progress bars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// A bar over `total` things.
    pub(crate) fn bar(self, what: &str, total: u64) -> ProgressBar {
        self.styled(total, what, "{prefix:>12} [{bar:32}] {pos}/{len} {wide_msg} {eta:>4} left")
    }

    /// A bar over bytes.
    pub(crate) fn bytes(self, what: &str, total: u64) -> ProgressBar {
        self.styled(
            total,
            what,
            "{prefix:>12} [{bar:32}] {bytes}/{total_bytes} {bytes_per_sec} {eta:>4} left",
        )
    }

    /// A spinner for work of unknown length.
    pub(crate) fn spinner(self, what: &str) -> ProgressBar {
        let bar = self.styled(0, what, "{prefix:>12} {spinner} {wide_msg} {elapsed}");
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    }

    /// A line for the person in front of the terminal, not for scripts.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    fn styled(self, total: u64, what: &str, template: &str) -> ProgressBar {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template(template).expect("the templates above are valid");
        let bar = ProgressBar::with_draw_target(Some(total), target).with_style(style.progress_chars("=> "));
        bar.with_prefix(what.to_owned())
    }
}
