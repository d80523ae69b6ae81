//! A table as Markdown.

use super::Table;

impl Table {
    /// The table in GitHub's dialect of Markdown, its caption as a line above.
    pub fn to_markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let rule = |(_, numeric): (&str, bool)| if numeric { "--:" } else { "---" }.to_owned();
        let mut lines = vec![
            line(self.headers().map(|(header, _)| escape(header)).collect()),
            line(self.headers().map(rule).collect()),
        ];
        lines.extend(self.shown().map(|row| line(row.cells.iter().map(|cell| escape(&cell.text)).collect())));
        match self.caption() {
            "" => lines.concat(),
            caption => format!("{}\n\n{}", escape(caption), lines.concat()),
        }
    }
}

/// Text that neither ends a cell nor a line.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use crate::{Cell, Column, Table};

    #[test]
    fn columns_and_cells_are_kept_apart() {
        let mut table = Table::new("sizes", [Column::text("a|b"), Column::number("MB", 1)]);
        table.push(["x\ny".into(), 2.0.into()]).unwrap();
        table.push(["z".into(), Cell::Missing]).unwrap();
        assert_eq!(table.to_markdown(), "sizes\n\n| a\\|b | MB |\n| --- | --: |\n| x y | 2.0 |\n| z | – |\n");
    }
}
