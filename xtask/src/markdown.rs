//! Markdown tables.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// A table: the first column is text, the others are figures.
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    pub(crate) fn new<S: AsRef<str>>(columns: &[S]) -> Self {
        let rule: Vec<_> = (0..columns.len()).map(|i| if i == 0 { "---" } else { "--:" }).collect();
        let mut table = Self { lines: Vec::new() };
        table.push(columns);
        table.push(&rule);
        table
    }

    pub(crate) fn push<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
        self.lines.push(format!("| {} |", cells.join(" | ")));
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A number with three significant digits, or more where it is large.
pub(crate) fn number(x: f64) -> String {
    let digits = match x.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{x:.digits$}")
}

/// Writes a result into `target/pibit` and says where it is.
pub(crate) fn save(name: &str, text: &str) -> Result<()> {
    let path: PathBuf = crate::sh::root().join("target/pibit").join(name);
    std::fs::create_dir_all(path.parent().context("the path has a folder")?)?;
    std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_markdown() {
        let mut table = Table::new(&["a", "b"]);
        table.push(&["x", &number(1.234)]);
        assert_eq!(table.to_string(), "| a | b |\n| --- | --: |\n| x | 1.23 |\n");
        assert_eq!([12.34, 1234.5].map(number), ["12.3", "1234"]);
    }
}
