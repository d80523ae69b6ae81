//! Tables of results: one value that the terminal and the report both show.

mod markdown;
mod number;
mod text;

pub(crate) use number::tick;

use crate::ObservabilityError;
use serde::Serialize;

/// A table: columns, and rows of cells that fit them. [`Display`](std::fmt::Display) prints it aligned, for a
/// terminal; a [`Report`](crate::Report) shows the same table as HTML.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    header: String,
    /// Digits after the point; `None` for text.
    decimals: Option<usize>,
    best: Option<Best>,
}

/// Which end of a column is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Best {
    Lowest,
    Highest,
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Cell {
    /// A word.
    Text(String),
    /// A figure, shown with the column's decimals.
    Number(f64),
    /// No value, shown as a dash.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    cells: Vec<Cell>,
    /// A row to compare with: it does not take part in "best".
    reference: bool,
}

impl Column {
    /// Words, aligned left.
    pub fn text(header: impl Into<String>) -> Self {
        Self { header: header.into(), decimals: None, best: None }
    }

    /// Figures with so many digits after the point, aligned right. Put the unit into the header: `size (MB)`.
    pub fn number(header: impl Into<String>, decimals: usize) -> Self {
        Self { decimals: Some(decimals), ..Self::text(header) }
    }

    /// Marks the lowest figure as the best one.
    #[must_use]
    pub fn lowest_is_best(self) -> Self {
        Self { best: Some(Best::Lowest), ..self }
    }

    /// Marks the highest figure as the best one.
    #[must_use]
    pub fn highest_is_best(self) -> Self {
        Self { best: Some(Best::Highest), ..self }
    }
}

impl Table {
    /// An empty table.
    pub fn new(caption: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { caption: caption.into(), columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row of results; an error where it does not fit the columns.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), ObservabilityError> {
        self.push_row(cells.into_iter().collect(), false)
    }

    /// Adds a row to compare with, such as the unquantized model: it is never marked as best.
    pub fn push_reference(
        &mut self,
        cells: impl IntoIterator<Item = Cell>,
    ) -> Result<(), ObservabilityError> {
        self.push_row(cells.into_iter().collect(), true)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn push_row(&mut self, cells: Vec<Cell>, reference: bool) -> Result<(), ObservabilityError> {
        if cells.len() != self.columns.len() {
            let (cells, columns) = (cells.len(), self.columns.len());
            return Err(ObservabilityError::RowWidth { table: self.caption.clone(), cells, columns });
        }
        self.rows.push(Row { cells, reference });
        Ok(())
    }

    pub(crate) fn caption(&self) -> &str {
        &self.caption
    }

    /// Headers, and whether each column is numeric.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, bool)> {
        self.columns.iter().map(|column| (column.header.as_str(), column.decimals.is_some()))
    }

    /// The rows as shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ShownRow> {
        let best: Vec<Option<String>> = (0..self.columns.len()).map(|column| self.best(column)).collect();
        self.rows.iter().map(move |row| {
            let cells = row.cells.iter().zip(&self.columns).zip(&best).map(|((cell, column), best)| {
                let text = column.show(cell);
                // What reads the same as the best is as good as the best.
                let is_best = !row.reference && best.as_ref() == Some(&text);
                ShownCell { text, numeric: column.decimals.is_some(), best: is_best }
            });
            ShownRow { cells: cells.collect(), reference: row.reference }
        })
    }

    /// The best figure of a column as shown, where there are at least two figures to choose from.
    fn best(&self, column: usize) -> Option<String> {
        let good = self.columns[column].best?;
        let figures =
            self.rows.iter().filter(|row| !row.reference).filter_map(|row| match row.cells[column] {
                Cell::Number(value) if value.is_finite() => Some(value),
                _ => None,
            });
        let figures: Vec<f64> = figures.collect();
        let best = match good {
            Best::Lowest => figures.iter().copied().reduce(f64::min),
            Best::Highest => figures.iter().copied().reduce(f64::max),
        };
        best.filter(|_| figures.len() > 1).map(|value| self.columns[column].show(&Cell::Number(value)))
    }
}

/// A row as shown.
pub(crate) struct ShownRow {
    pub(crate) cells: Vec<ShownCell>,
    pub(crate) reference: bool,
}

/// A cell as shown.
pub(crate) struct ShownCell {
    pub(crate) text: String,
    pub(crate) numeric: bool,
    pub(crate) best: bool,
}

impl Column {
    fn show(&self, cell: &Cell) -> String {
        match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(value) => number::fixed(*value, self.decimals.unwrap_or(3)),
            Cell::Missing => "–".to_owned(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Number)
    }
}
