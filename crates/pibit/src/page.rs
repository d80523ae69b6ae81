//! Pages that commands write with `--report`: where all of them say how they were made.

use observability::Report;
use std::time::{SystemTime, UNIX_EPOCH};

/// A page whose last part tells the command, the program, the machine and the time.
pub(crate) fn new(title: impl Into<String>) -> Report {
    let mut page = Report::new(title);
    page.describe("command", std::env::args().collect::<Vec<_>>().join(" "));
    page.describe("pibit", env!("CARGO_PKG_VERSION"));
    page.describe("machine", machine());
    page.describe("threads", rayon::current_num_threads().to_string());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    page.describe("seconds since 1970", since.as_secs().to_string());
    page
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or_else(String::new, |(_, name)| format!("{name}, "));
    format!("{model}{} {}", std::env::consts::OS, std::env::consts::ARCH)
}
