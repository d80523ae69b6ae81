//! Self-contained HTML reports: plain data in, one file out, no request to anywhere.

mod axis;
mod canvas;
mod heat_map;
mod histogram;
mod key_figures;
mod labels;
mod page;
mod palette;
mod scatter;
mod write;

pub use heat_map::HeatMap;
pub use histogram::{Histogram, LevelMarks};
pub use key_figures::{KeyFigure, KeyFigures};
pub use scatter::{Axis, Point, Scatter, Series};

use crate::{ObservabilityError, Table};
use serde::Serialize;
use std::path::Path;

/// A report: a title, sections in order, and where it was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The page's title.
    pub title: String,
    /// What a reader needs to repeat the run: machine, versions, command, model hash.
    pub environment: Vec<(String, String)>,
    /// The content.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Section {
    /// A heading.
    Heading(String),
    /// The few figures that a reader in a hurry wants.
    KeyFigures(KeyFigures),
    /// A paragraph of text.
    Paragraph(String),
    /// A table of figures.
    Table(Table),
    /// Points or lines against two axes: size against quality, loss against steps.
    Scatter(Scatter),
    /// A value per row and column: error per tensor and format.
    HeatMap(HeatMap),
    /// A distribution of weights, with the levels that formats offer.
    Histogram(Histogram),
    /// Text that a model wrote.
    Sample(Sample),
}

/// Text that a model wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// What wrote it, and how.
    pub title: String,
    /// What the model was given.
    pub prompt: String,
    /// What it added.
    pub continuation: String,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a line to the environment.
    pub fn describe(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.environment.push((name.into(), value.into()));
    }

    /// Adds a section: a table, a plot, a sample, or a [`Section`] itself.
    pub fn push(&mut self, section: impl Into<Section>) {
        self.sections.push(section.into());
    }

    /// The page as HTML. An error where a plot's data contradicts itself.
    pub fn to_html(&self) -> Result<String, ObservabilityError> {
        page::render(self)
    }

    /// Writes the page to `path`: complete or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ObservabilityError> {
        write::atomically(path, self.to_html()?.as_bytes())
    }
}

macro_rules! sections {
    ($($kind:ident),+) => {
        $(impl From<$kind> for Section {
            fn from(section: $kind) -> Self {
                Self::$kind(section)
            }
        })+
    };
}
sections!(KeyFigures, Table, Scatter, HeatMap, Histogram, Sample);
