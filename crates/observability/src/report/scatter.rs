//! Points and lines against two numeric axes.

mod front;

use super::axis::Scale;
use super::canvas::{self, Canvas, DrawResult, Pixel};
use super::{labels, palette};
use crate::ObservabilityError;
use maud::{Markup, html};
use plotters::prelude::*;
use serde::Serialize;

/// A plot of several series against two axes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Scatter {
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The series, told apart by colour and by marker.
    pub series: Vec<Series>,
}

/// An axis of a plot.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures, with the unit: `file size (MB)`.
    pub label: String,
    /// Logarithmic. Values that are not positive then have no place and are listed below the plot.
    pub log: bool,
}

/// Points that belong together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// Whether a line joins the points, in their order.
    pub joined: bool,
    /// The points.
    pub points: Vec<Point>,
}

/// One point.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Text beside it; empty for none.
    pub label: String,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), log: false }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), log: true }
    }
}

impl Series {
    /// A series without points.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Joins the points by a line.
    #[must_use]
    pub fn joined(self) -> Self {
        Self { joined: true, ..self }
    }

    /// Adds a point, with text beside it unless `label` is empty.
    pub fn push(&mut self, x: f64, y: f64, label: impl Into<String>) {
        self.points.push(Point { x, y, label: label.into() });
    }
}

const PLOT_HEIGHT: i32 = 460;

/// A point in pixels, and its label.
type Spot<'a> = (Pixel, &'a str);

impl Scatter {
    fn shows(&self, point: &Point) -> bool {
        Scale::takes(self.x.log, point.x) && Scale::takes(self.y.log, point.y)
    }

    fn points(&self) -> impl Iterator<Item = &Point> + Clone {
        self.series.iter().flat_map(|series| &series.points)
    }

    pub(super) fn render(&self) -> Result<Markup, ObservabilityError> {
        if self.points().next().is_none() {
            return Ok(html! { p class="note" { "No values." } });
        }
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        let (places, legend_height) = canvas::legend_layout(&names, 76);
        let plot = canvas::svg(&self.title, legend_height + PLOT_HEIGHT, |root| {
            canvas::legend(root, &names, &places)?;
            self.draw(root, legend_height)
        })?;
        let absent = self.points().filter(|point| !self.shows(point));
        let absent: Vec<String> = absent.map(|p| format!("{} ({}, {})", p.label, p.x, p.y)).collect();
        Ok(html! {
            (plot)
            @if !absent.is_empty() { p class="note" { "Not on the axes: " (absent.join(", ")) "." } }
        })
    }

    fn draw(&self, root: &Canvas<'_>, top: i32) -> DrawResult {
        let shown = self.points().filter(|point| self.shows(point));
        let x = Scale::around(shown.clone().map(|point| point.x), self.x.log);
        let y = Scale::around(shown.map(|point| point.y), self.y.log);
        let mut chart = ChartBuilder::on(root)
            .margin_top(top + 8)
            .margin_right(16)
            .margin_bottom(4)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)?;
        let numbers = canvas::font(palette::MUTED, canvas::MIDDLE);
        chart
            .configure_mesh()
            .max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette::GRID)
            .axis_style(palette::FRAME)
            .label_style(numbers)
            .axis_desc_style(canvas::font(palette::INK, canvas::MIDDLE))
            .x_desc(&self.x.label)
            .y_desc(&self.y.label)
            .x_labels(30)
            .y_labels(30)
            .draw()?;
        let area = chart.plotting_area();
        let spots = self.series.iter().map(|series| self.spots(series, &|x, y| area.map_coordinate(&(x, y))));
        let spots: Vec<Vec<Spot<'_>>> = spots.collect();
        self.draw_series(root, &spots)?;
        let (columns, rows) = area.get_pixel_range();
        self.draw_labels(root, &spots, (columns.start, rows.start, columns.end, rows.end))
    }

    /// Where the points of a series are in pixels, and their labels.
    fn spots<'a>(&self, series: &'a Series, pixel: &dyn Fn(f64, f64) -> Pixel) -> Vec<Spot<'a>> {
        let shown = series.points.iter().filter(|point| self.shows(point));
        shown.map(|point| (pixel(point.x, point.y), point.label.as_str())).collect()
    }

    fn draw_series(&self, root: &Canvas<'_>, spots: &[Vec<Spot<'_>>]) -> DrawResult {
        // The first lies on top: what is added to the others, such as a front, must not hide them.
        for (index, (series, spots)) in self.series.iter().zip(spots).enumerate().rev() {
            if series.joined {
                let path: Vec<Pixel> = spots.iter().map(|spot| spot.0).collect();
                root.draw(&PathElement::new(path, palette::series(index).stroke_width(2)))?;
            }
            // A long joined series is a curve: markers on it would only hide it.
            if !series.joined || spots.len() <= 40 {
                spots.iter().try_for_each(|spot| canvas::marker(root, spot.0, index))?;
            }
        }
        Ok(())
    }

    fn draw_labels(&self, root: &Canvas<'_>, spots: &[Vec<Spot<'_>>], bounds: labels::Area) -> DrawResult {
        let mut obstacles: Vec<labels::Area> =
            spots.iter().flatten().map(|spot| labels::marker(spot.0)).collect();
        for (_, spots) in self.series.iter().zip(spots).filter(|(series, _)| series.joined) {
            obstacles.extend(spots.windows(2).flat_map(|ends| labels::line(ends[0].0, ends[1].0)));
        }
        let named: Vec<Spot<'_>> =
            spots.iter().flatten().copied().filter(|spot| !spot.1.is_empty()).collect();
        for (place, (point, text)) in labels::place(&named, obstacles, bounds).iter().zip(&named) {
            let (left, top, right, bottom) = place.area;
            let (middle, centre) = (i32::midpoint(top, bottom), i32::midpoint(left, right));
            if place.far {
                canvas::line(root, *point, (point.0.clamp(left, right), middle), palette::FRAME)?;
            }
            let (x, anchor) = match place.side {
                1 => (left, canvas::LEFT),
                -1 => (right, canvas::RIGHT),
                _ => (centre, canvas::MIDDLE),
            };
            canvas::write(root, text, (x, middle), palette::INK, anchor)?;
        }
        Ok(())
    }
}
