//! A distribution of weights, and the levels that formats offer for it.

use super::axis::Scale;
use super::canvas::{self, Canvas, DrawResult, Pixel};
use super::palette;
use crate::ObservabilityError;
use maud::{Markup, html};
use plotters::prelude::*;
use serde::Serialize;

/// How often weights fall into equal bins, with marks where formats have their levels.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// What it shows.
    pub title: String,
    /// What is counted, with the unit: `weight / block step`.
    pub label: String,
    /// Lower end of the first bin.
    pub low: f64,
    /// Upper end of the last bin.
    pub high: f64,
    /// Weights per bin.
    pub counts: Vec<u64>,
    /// Weights outside the bins.
    pub outside: u64,
    /// Levels to mark, a lane each.
    pub levels: Vec<LevelMarks>,
}

/// The levels of a format, in the histogram's unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LevelMarks {
    /// The format's name.
    pub name: String,
    /// Its levels.
    pub values: Vec<f64>,
}

const PLOT_HEIGHT: i32 = 340;
const LANE_HEIGHT: i32 = 26;

impl Histogram {
    /// Counts `values` in `bins` equal bins over all but the outermost 0.05% on each side; what is not finite is left
    /// out.
    pub fn of(title: impl Into<String>, label: impl Into<String>, values: &[f32], bins: usize) -> Self {
        let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let mut this = Self { title: title.into(), label: label.into(), ..Self::default() };
        let Some(last) = finite.len().checked_sub(1) else { return this };
        let cut = finite.len() / 2000;
        this.low = f64::from(*finite.select_nth_unstable_by(cut, f32::total_cmp).1);
        this.high = f64::from(*finite.select_nth_unstable_by(last - cut, f32::total_cmp).1);
        if this.low == this.high {
            (this.low, this.high) = (this.low - 0.5, this.high + 0.5);
        }
        this.counts = vec![0; bins.clamp(1, 1000)];
        for value in finite {
            this.count(f64::from(value));
        }
        this
    }

    fn count(&mut self, value: f64) {
        if !(self.low..=self.high).contains(&value) {
            self.outside += 1;
            return;
        }
        let share = (value - self.low) / (self.high - self.low);
        let bin = ((share * self.counts.len() as f64) as usize).min(self.counts.len() - 1);
        self.counts[bin] += 1;
    }

    /// Marks a format's levels.
    pub fn mark(&mut self, name: impl Into<String>, values: impl Into<Vec<f64>>) {
        self.levels.push(LevelMarks { name: name.into(), values: values.into() });
    }

    fn total(&self) -> f64 {
        self.counts.iter().map(|&count| count as f64).sum::<f64>() + self.outside as f64
    }

    pub(super) fn render(&self) -> Result<Markup, ObservabilityError> {
        if self.counts.is_empty() || self.total() == 0.0 {
            return Ok(html! { p class="note" { "No values." } });
        }
        if !(self.low.is_finite() && self.high.is_finite() && self.low < self.high) {
            return Err(ObservabilityError::plot(&self.title, "bins need finite ends, the lower one first"));
        }
        let lanes = LANE_HEIGHT * self.levels.len() as i32;
        let plot = canvas::svg(&self.title, PLOT_HEIGHT + lanes, |root| self.draw(root, lanes))?;
        let share = self.outside as f64 / self.total() * 100.0;
        Ok(html! {
            (plot)
            @if self.outside > 0 {
                p class="note" { (format!("{share:.2}% of the weights lie outside the bins.")) }
            }
        })
    }

    fn draw(&self, root: &Canvas<'_>, lanes: i32) -> DrawResult {
        let share = |count: u64| count as f64 / self.total() * 100.0;
        let tallest = self.counts.iter().copied().max().map_or(1.0, share);
        let names = self.levels.iter().map(|levels| canvas::text_width(&levels.name)).max().unwrap_or(0);
        let marks = self.levels.iter().flat_map(|levels| &levels.values).copied().filter(|v| v.is_finite());
        let ends = marks.chain([self.low, self.high]);
        let (low, high) =
            (ends.clone().fold(f64::INFINITY, f64::min), ends.fold(f64::NEG_INFINITY, f64::max));
        let room = (high - low) * 0.02;
        let mut chart = ChartBuilder::on(root)
            .margin_top(10)
            .margin_right(16)
            .margin_bottom(4 + lanes)
            .x_label_area_size(48)
            .y_label_area_size((names + 16).max(68))
            .build_cartesian_2d(
                Scale::exactly(low - room, high + room),
                Scale::exactly(0.0, tallest * 1.08),
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette::GRID)
            .axis_style(palette::FRAME)
            .label_style(canvas::font(palette::MUTED, canvas::MIDDLE))
            .axis_desc_style(canvas::font(palette::INK, canvas::MIDDLE))
            .x_desc(&self.label)
            .y_desc("share of weights (%)")
            .x_labels(30)
            .y_labels(30)
            .draw()?;
        let width = (self.high - self.low) / self.counts.len() as f64;
        let bars = self.counts.iter().enumerate().map(|(bin, &count)| {
            let left = self.low + width * bin as f64;
            Rectangle::new([(left, 0.0), (left + width, share(count))], palette::BAR.filled())
        });
        chart.draw_series(bars)?;
        let area = chart.plotting_area();
        let (columns, rows) = area.get_pixel_range();
        self.draw_lanes(root, (columns.start, PLOT_HEIGHT), rows.start..rows.end, &|value| {
            area.map_coordinate(&(value, 0.0)).0
        })
    }

    /// A lane of marks per format below the axis; with a single format, faint lines lead up through the bars.
    fn draw_lanes(
        &self,
        root: &Canvas<'_>,
        (left, top): Pixel,
        bars: std::ops::Range<i32>,
        x: &dyn Fn(f64) -> i32,
    ) -> DrawResult {
        for (index, levels) in self.levels.iter().enumerate() {
            let y = top + LANE_HEIGHT * index as i32 + LANE_HEIGHT / 2 - 4;
            let colour = palette::series(index);
            canvas::write(root, &levels.name, (left - 10, y), palette::INK, canvas::RIGHT)?;
            canvas::line(root, (left, y), (canvas::WIDTH - 16, y), palette::GRID)?;
            for value in levels.values.iter().filter(|value| value.is_finite()) {
                if self.levels.len() == 1 {
                    canvas::line(root, (x(*value), bars.start), (x(*value), bars.end), colour.mix(0.5))?;
                }
                canvas::line(root, (x(*value), y - 8), (x(*value), y + 8), colour.stroke_width(3))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_counted_once() {
        let mut values: Vec<f32> = (0..10_000).map(|i| i as f32 / 100.0).collect();
        values.extend([f32::NAN, f32::INFINITY]);
        let histogram = Histogram::of("t", "w", &values, 50);
        assert_eq!(histogram.counts.iter().sum::<u64>() + histogram.outside, 10_000);
        assert_eq!(histogram.outside, 10, "five on each side");
        assert!(histogram.counts.iter().all(|&count| (199..=201).contains(&count)), "{:?}", histogram.counts);
    }

    #[test]
    fn degenerate_data_has_a_histogram() {
        assert!(Histogram::of("t", "w", &[], 10).counts.is_empty());
        assert_eq!(Histogram::of("t", "w", &[3.0; 7], 10).counts.iter().sum::<u64>(), 7);
        assert_eq!(Histogram::of("t", "w", &[1.0, 2.0], 0).counts.len(), 1);
    }
}
