//! A table for a terminal.

use super::Table;
use std::fmt;
use unicode_width::UnicodeWidthStr;

const GAP: &str = "  ";

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.headers().map(|(text, numeric)| (line_safe(text), numeric)).collect::<Vec<_>>();
        let rows = self.shown().map(|row| row.cells.into_iter().map(|cell| line_safe(&cell.text)).collect());
        let rows: Vec<Vec<String>> = rows.collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].width());
            cells.chain([header[column].0.width()]).max().unwrap_or(0)
        };
        let columns: Vec<(usize, bool)> =
            header.iter().enumerate().map(|(column, (_, numeric))| (width(column), *numeric)).collect();

        if !self.caption().is_empty() {
            writeln!(f, "{}", line_safe(self.caption()))?;
        }
        write_line(f, &columns, header.iter().map(|(text, _)| text.as_str()))?;
        let rules: Vec<String> = columns.iter().map(|(width, _)| "─".repeat(*width)).collect();
        write_line(f, &columns, rules.iter().map(String::as_str))?;
        rows.iter().try_for_each(|row| write_line(f, &columns, row.iter().map(String::as_str)))
    }
}

/// Pads each cell to its column, numbers to the right, and leaves no space at the end of the line.
fn write_line<'a>(
    f: &mut fmt::Formatter<'_>,
    columns: &[(usize, bool)],
    cells: impl Iterator<Item = &'a str>,
) -> fmt::Result {
    let cells: Vec<String> =
        cells.zip(columns).map(|(cell, (width, numeric))| pad(cell, *width, *numeric)).collect();
    writeln!(f, "{}", cells.join(GAP).trim_end())
}

fn pad(cell: &str, width: usize, right: bool) -> String {
    let fill = " ".repeat(width.saturating_sub(cell.width()));
    if right { fill + cell } else { cell.to_owned() + &fill }
}

/// Names come from files: a control character must not break a line or reach the terminal as an escape code.
fn line_safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use crate::{Cell, Column, Table};

    fn table() -> Table {
        let columns = [Column::text("format"), Column::number("size (MB)", 1), Column::number("ppl", 3)];
        Table::new("SmolLM2-135M", columns)
    }

    #[test]
    fn columns_line_up() {
        let mut table = table();
        table.push_reference(["F32".into(), 539.845_696.into(), 26.9265.into()]).unwrap();
        table.push(["πQ3 漢".into(), 58.7.into(), Cell::Missing]).unwrap();
        let expected = "\
SmolLM2-135M
format  size (MB)     ppl
──────  ─────────  ──────
F32         539.8  26.927
πQ3 漢       58.7       –
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let mut table = table();
        table.push(["a\n\u{1b}[2Jb".into(), 1.0.into(), f64::NAN.into()]).unwrap();
        let text = table.to_string();
        assert_eq!(text.lines().count(), 4);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_row_must_fit() {
        let error = table().push(["F32".into()]).unwrap_err().to_string();
        assert!(error.contains("SmolLM2-135M") && error.contains("1 cells"), "{error}");
    }
}
