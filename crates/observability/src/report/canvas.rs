//! An SVG to draw on, in pixels.

use super::palette;
use crate::ObservabilityError;
use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use unicode_width::UnicodeWidthStr;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Pixel = (i32, i32);
pub(super) type DrawResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Width of every plot in its own units; the page scales it.
pub(super) const WIDTH: i32 = 900;
/// Size of text in plots.
pub(super) const FONT_PX: i32 = 13;

/// Draws an SVG of [`WIDTH`] by `height`, described to screen readers by `title`. Where it is wider than the screen, it
/// scrolls, by keys, too.
pub(super) fn svg(
    title: &str,
    height: i32,
    draw: impl FnOnce(&Canvas<'_>) -> DrawResult,
) -> Result<Markup, ObservabilityError> {
    let mut text = String::new();
    {
        let canvas = SVGBackend::with_string(&mut text, (WIDTH as u32, height as u32)).into_drawing_area();
        let drawn = draw(&canvas).and_then(|()| Ok(canvas.present()?));
        drawn.map_err(|error| ObservabilityError::plot(title, error.to_string()))?;
    }
    // What XML knows no way to write, in names from files.
    let text = text
        .replace(|c: char| c != '\n' && (c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')), "\u{fffd}");
    // The SVG is ours and plotters escapes the texts in it (tests/report.rs feeds it hostile ones).
    Ok(html! {
        div class="plot" role="region" tabindex="0" aria-label=(title) {
            div role="img" aria-label=(title) { (PreEscaped(text)) }
        }
    })
}

/// Text style: the SVG backend writes its sizes divided by 1.24.
pub(super) fn font(colour: RGBColor, anchor: Pos) -> TextStyle<'static> {
    ("sans-serif", f64::from(FONT_PX) * 1.24).into_font().color(&colour).pos(anchor)
}

/// Width of `text` in pixels, on the generous side: there are no font metrics here.
pub(super) fn text_width(text: &str) -> i32 {
    (text.width() as f64 * f64::from(FONT_PX) * 0.6).ceil() as i32
}

/// Writes `text` at `at`.
pub(super) fn write(canvas: &Canvas<'_>, text: &str, at: Pixel, colour: RGBColor, anchor: Pos) -> DrawResult {
    Ok(canvas.draw(&Text::new(text, at, font(colour, anchor)))?)
}

pub(super) const LEFT: Pos = Pos { h_pos: HPos::Left, v_pos: VPos::Center };
pub(super) const MIDDLE: Pos = Pos { h_pos: HPos::Center, v_pos: VPos::Center };
pub(super) const RIGHT: Pos = Pos { h_pos: HPos::Right, v_pos: VPos::Center };

/// A straight line.
pub(super) fn line(canvas: &Canvas<'_>, from: Pixel, to: Pixel, style: impl Into<ShapeStyle>) -> DrawResult {
    Ok(canvas.draw(&PathElement::new(vec![from, to], style))?)
}

/// A filled rectangle.
pub(super) fn fill(canvas: &Canvas<'_>, from: Pixel, to: Pixel, colour: RGBColor) -> DrawResult {
    Ok(canvas.draw(&Rectangle::new([from, to], colour.filled()))?)
}

/// The marker of series `index`: shape and colour both tell series apart.
pub(super) fn marker(canvas: &Canvas<'_>, (x, y): Pixel, index: usize) -> DrawResult {
    let style = palette::series(index).filled();
    let corners = |corners: &[Pixel]| {
        Polygon::new(corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect::<Vec<_>>(), style)
    };
    match index % 4 {
        0 => canvas.draw(&Circle::new((x, y), 5, style))?,
        1 => canvas.draw(&corners(&[(-5, -5), (5, -5), (5, 5), (-5, 5)]))?,
        2 => canvas.draw(&corners(&[(0, -6), (6, 5), (-6, 5)]))?,
        _ => canvas.draw(&corners(&[(0, -7), (7, 0), (0, 7), (-7, 0)]))?,
    }
    Ok(())
}

/// Height of one row of a legend.
const LEGEND_ROW: i32 = 24;

/// Where each entry of a legend goes, between `left` and the right edge, and the height that it all takes.
pub(super) fn legend_layout(names: &[&str], left: i32) -> (Vec<Pixel>, i32) {
    let (mut x, mut y) = (left, LEGEND_ROW / 2);
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let width = 16 + text_width(name) + 24;
        if x > left && x + width > WIDTH {
            (x, y) = (left, y + LEGEND_ROW);
        }
        places.push((x, y));
        x += width;
    }
    (places, if names.is_empty() { 0 } else { y + LEGEND_ROW / 2 + 4 })
}

/// Draws a legend laid out by [`legend_layout`].
pub(super) fn legend(canvas: &Canvas<'_>, names: &[&str], places: &[Pixel]) -> DrawResult {
    for (index, (name, &(x, y))) in names.iter().zip(places).enumerate() {
        marker(canvas, (x + 6, y), index)?;
        write(canvas, name, (x + 18, y), palette::INK, LEFT)?;
    }
    Ok(())
}
