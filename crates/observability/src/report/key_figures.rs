//! What a reader in a hurry wants to know, in large type.

use maud::{Markup, html};
use serde::Serialize;

/// A few figures above everything else.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KeyFigures {
    /// The figures, most important first.
    pub figures: Vec<KeyFigure>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct KeyFigure {
    /// What it is.
    pub label: String,
    /// The figure with its unit.
    pub value: String,
    /// What it should be compared with; empty for nothing.
    pub note: String,
}

impl KeyFigures {
    /// Adds a figure.
    pub fn push(&mut self, label: impl Into<String>, value: impl Into<String>, note: impl Into<String>) {
        self.figures.push(KeyFigure { label: label.into(), value: value.into(), note: note.into() });
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            ul class="key" {
                @for KeyFigure { label, value, note } in &self.figures {
                    li {
                        span class="label" { (label) }
                        span class="value" { (value) }
                        @if !note.is_empty() { span class="note" { (note) } }
                    }
                }
            }
        }
    }
}
