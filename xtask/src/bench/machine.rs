//! The machine's facts: without them a speed says nothing.

use super::programs::Programs;
use crate::markdown::{Table, number};
use crate::sh;
use anyhow::Result;
use serde_json::{Value, json};
use std::fs::read_to_string;
use std::process::Command;

/// Instruction sets that kernels here or in the peer make use of, as Linux names them.
const ISA_FLAGS: [&str; 17] = [
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx512vbmi",
    "avx512_bf16",
    "avx512_fp16",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
    "sve2",
];

/// Larger than any cache that one program gets for itself.
const MEMORY_BYTES: u64 = 1 << 30;

/// Name and value of each fact.
pub(super) struct Machine(Vec<(&'static str, String)>);

impl Machine {
    pub(super) fn measure(programs: &Programs) -> Result<Self> {
        let bandwidth =
            |threads| Ok::<_, anyhow::Error>(number(programs.read_bandwidth(MEMORY_BYTES, threads, 1.0)?));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let facts = vec![
            ("CPU", cpu_model().unwrap_or_else(|| std::env::consts::ARCH.into())),
            ("cores", cores.to_string()),
            ("instruction sets", isa()),
            ("caches", caches()),
            ("sequential read of 1 GiB, 1 thread", format!("{} GB/s", bandwidth(1)?)),
            ("sequential read of 1 GiB, 2 threads", format!("{} GB/s", bandwidth(2)?)),
            ("rustc", said_by("rustc", &["--version"])),
            ("commit", commit()),
            ("date", said_by("date", &["-u", "+%Y-%m-%d"])),
        ];
        Ok(Self(facts))
    }

    pub(super) fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = Table::new(&["machine", ""]);
        self.0.iter().for_each(|(name, value)| table.push(&[name, value.as_str()]));
        write!(f, "{table}")
    }
}

fn cpu_model() -> Option<String> {
    if let Ok(info) = read_to_string("/proc/cpuinfo") {
        return field(&info, "model name");
    }
    let brand = sh::output(Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"])).ok()?;
    Some(brand.trim().to_owned())
}

/// The value behind `name : ` in /proc/cpuinfo.
fn field(info: &str, name: &str) -> Option<String> {
    info.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(n, _)| n.trim() == name)
        .map(|(_, v)| v.trim().into())
}

fn isa() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = field(&info, "flags").or_else(|| field(&info, "Features")).unwrap_or_default();
    let known: Vec<_> = ISA_FLAGS.into_iter().filter(|&f| flags.split(' ').any(|have| have == f)).collect();
    if known.is_empty() { std::env::consts::ARCH.into() } else { known.join(" ") }
}

/// The second- and third-level cache that the first core sees.
fn caches() -> String {
    let read = |index: usize, what: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}");
        read_to_string(path).map(|text| text.trim().to_owned()).ok()
    };
    let cache = |index| Some(format!("L{} {}", read(index, "level")?, read(index, "size")?));
    let found: Vec<_> = (2..=3).filter_map(cache).collect();
    if found.is_empty() { "unknown".into() } else { found.join(", ") }
}

/// The commit, marked where files differ from it.
fn commit() -> String {
    said_by("git", &["describe", "--always", "--dirty", "--exclude", "*"])
}

fn said_by(program: &str, args: &[&str]) -> String {
    let said = sh::output(Command::new(program).args(args).current_dir(sh::root()));
    said.map_or_else(|_| "unknown".into(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let info = "model\t\t: 167\nmodel name\t: A CPU: fast\n";
        assert_eq!(field(info, "model name").unwrap(), "A CPU: fast");
        assert_eq!(field(info, "name"), None);
    }
}
