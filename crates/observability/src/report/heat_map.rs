//! A value per row and column, as colour.

use super::axis::Scale;
use super::canvas::{self, Canvas, DrawResult, WIDTH};
use super::palette;
use crate::ObservabilityError;
use crate::table::tick;
use maud::{Markup, html};
use plotters::prelude::*;
use serde::Serialize;

/// A value per row and column: error of each tensor (rows) in each format (columns), or of each role and layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// What the colour measures, with the unit.
    pub value_label: String,
    /// Colours by the logarithm.
    pub log: bool,
    /// Row names, top to bottom.
    pub rows: Vec<String>,
    /// Column names, left to right.
    pub columns: Vec<String>,
    /// `values[row][column]`; NaN where there is none.
    pub values: Vec<Vec<f64>>,
}

/// Where cells go, in pixels.
struct Grid {
    left: i32,
    top: i32,
    cell_height: i32,
    columns: usize,
}

/// Height of the strip with the colour scale.
const KEY_HEIGHT: i32 = 40;
/// Longest name shown in full, in characters.
const NAME_LENGTH: usize = 34;

impl Grid {
    fn x(&self, column: usize) -> i32 {
        self.left + (i64::from(WIDTH - 8 - self.left) * column as i64 / self.columns as i64) as i32
    }

    fn y(&self, row: usize) -> i32 {
        self.top + self.cell_height * row as i32
    }

    fn cell_width(&self) -> i32 {
        self.x(1) - self.left
    }
}

impl HeatMap {
    pub(super) fn render(&self) -> Result<Markup, ObservabilityError> {
        let fits = self.values.len() == self.rows.len()
            && self.values.iter().all(|row| row.len() == self.columns.len());
        if !fits {
            let shape = format!("values must be {} rows of {} columns", self.rows.len(), self.columns.len());
            return Err(ObservabilityError::plot(&self.title, shape));
        }
        let values = || self.values.iter().flatten().copied().filter(|value| Scale::takes(self.log, *value));
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if low > high {
            return Ok(html! { p class="note" { "No values." } });
        }
        let grid = self.grid();
        let upright = self.columns.iter().map(|name| canvas::text_width(&shorten(name))).max().unwrap_or(0);
        let below = if upright + 6 <= grid.cell_width() { 28 } else { upright + 14 };
        let height = grid.y(self.rows.len()) + below;
        canvas::svg(&self.title, height, |root| {
            self.draw_key(root, &grid, low, high)?;
            self.draw_cells(root, &grid, &|value| self.share(value, low, high))?;
            self.draw_names(root, &grid, below > 28)
        })
    }

    fn grid(&self) -> Grid {
        let names = self.rows.iter().map(|name| canvas::text_width(&shorten(name))).max().unwrap_or(0);
        let cell_height = (640 / self.rows.len().max(1) as i32).clamp(10, 28);
        Grid { left: names + 12, top: KEY_HEIGHT, cell_height, columns: self.columns.len() }
    }

    /// Position of a value on the colour scale; `None` where it has none.
    fn share(&self, value: f64, low: f64, high: f64) -> Option<f64> {
        let project = |value: f64| if self.log { value.log10() } else { value };
        let span = project(high) - project(low);
        let share = if span > 0.0 { (project(value) - project(low)) / span } else { 0.5 };
        Scale::takes(self.log, value).then_some(share)
    }

    fn draw_key(&self, root: &Canvas<'_>, grid: &Grid, low: f64, high: f64) -> DrawResult {
        const STEPS: i32 = 60;
        let (low, high) = (tick(low, 3), tick(high, 3));
        let end = WIDTH - 8 - canvas::text_width(&high) - 8;
        let start = end - 4 * STEPS;
        for step in 0..STEPS {
            let colour = palette::heat(f64::from(step) / f64::from(STEPS - 1));
            canvas::fill(root, (start + 4 * step, 6), (start + 4 * step + 4, 20), colour)?;
        }
        canvas::write(root, &high, (end + 8, 13), palette::MUTED, canvas::LEFT)?;
        canvas::write(root, &low, (start - 8, 13), palette::MUTED, canvas::RIGHT)?;
        let scale = if self.log { ", log scale" } else { "" };
        canvas::write(
            root,
            &format!("{}{scale}", self.value_label),
            (grid.left, 13),
            palette::INK,
            canvas::LEFT,
        )
    }

    fn draw_cells(&self, root: &Canvas<'_>, grid: &Grid, share: &dyn Fn(f64) -> Option<f64>) -> DrawResult {
        let labelled = grid.cell_width() >= 52 && grid.cell_height >= 16;
        for (row, values) in self.values.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                let (x, y, right, bottom) =
                    (grid.x(column), grid.y(row), grid.x(column + 1), grid.y(row + 1));
                let Some(share) = share(value) else {
                    canvas::line(root, (x + 1, bottom - 1), (right - 1, y + 1), palette::FRAME)?;
                    continue;
                };
                let colour = palette::heat(share);
                canvas::fill(root, (x, y), (right, bottom), colour)?;
                if labelled {
                    let centre = (i32::midpoint(x, right), i32::midpoint(y, bottom));
                    canvas::write(root, &tick(value, 3), centre, palette::text_on(colour), canvas::MIDDLE)?;
                }
            }
        }
        Ok(())
    }

    fn draw_names(&self, root: &Canvas<'_>, grid: &Grid, turned: bool) -> DrawResult {
        let row_step = (16 + grid.cell_height - 1) / grid.cell_height;
        for (row, name) in self.rows.iter().enumerate().step_by(row_step.max(1) as usize) {
            let y = i32::midpoint(grid.y(row), grid.y(row + 1));
            canvas::write(root, &shorten(name), (grid.left - 8, y), palette::MUTED, canvas::RIGHT)?;
        }
        let bottom = grid.y(self.rows.len());
        let column_step = if turned { (16 + grid.cell_width() - 1) / grid.cell_width().max(1) } else { 1 };
        for (column, name) in self.columns.iter().enumerate().step_by(column_step.max(1) as usize) {
            let x = i32::midpoint(grid.x(column), grid.x(column + 1));
            if turned {
                let style = canvas::font(palette::MUTED, canvas::RIGHT).transform(FontTransform::Rotate270);
                root.draw(&Text::new(shorten(name), (x, bottom + 8), style))?;
            } else {
                canvas::write(root, &shorten(name), (x, bottom + 14), palette::MUTED, canvas::MIDDLE)?;
            }
        }
        Ok(())
    }
}

/// Cuts long names in the middle: both ends of `blk.11.ffn_down.weight` matter.
fn shorten(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_LENGTH {
        return name.to_owned();
    }
    let head = name.chars().take(NAME_LENGTH / 2);
    let tail = name.chars().skip(length - (NAME_LENGTH / 2 - 1));
    head.chain(['…']).chain(tail).collect()
}
