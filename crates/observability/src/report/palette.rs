//! Colours, each with a light and a dark value.
//!
//! Plots are drawn in the light values; the style sheet maps each to the reader's mode by attribute selector, so that
//! one SVG serves both.

use plotters::style::RGBColor;
use std::fmt::Write;

/// Text.
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Axis numbers and notes.
pub(super) const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6E);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xE3, 0xE7, 0xEB);
/// Axis lines.
pub(super) const FRAME: RGBColor = RGBColor(0x9A, 0xA4, 0xAE);
/// Bars of a histogram.
pub(super) const BAR: RGBColor = RGBColor(0xB6, 0xC2, 0xCF);

/// Okabe and Ito's palette ("Color Universal Design", 2008), which colour-blind readers can tell apart.
const SERIES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
];

/// What each colour becomes in dark mode.
const DARK: [(RGBColor, &str); 11] = [
    (INK, "#e6edf3"),
    (MUTED, "#9aa5b1"),
    (GRID, "#2a313a"),
    (FRAME, "#5b6673"),
    (BAR, "#465362"),
    (SERIES[0], "#4ea3e0"),
    (SERIES[1], "#f5893d"),
    (SERIES[2], "#2fc598"),
    (SERIES[3], "#e3a1c6"),
    (SERIES[4], "#f2bd4b"),
    (SERIES[5], "#9bd4f5"),
];

/// The colour of series `index`; colours repeat, and marker shapes tell the repeats apart.
pub(super) fn series(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// Rules that recolour plots in dark mode.
pub(super) fn dark_rules() -> String {
    let mut rules = String::from("@media (prefers-color-scheme: dark) {");
    for (light, dark) in DARK {
        let RGBColor(r, g, b) = light;
        let light = format!("#{r:02X}{g:02X}{b:02X}");
        // Writing to a string cannot fail.
        let _ =
            write!(rules, "svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    rules + "}"
}

/// Cividis (Nuñez, Anderton and Renslow 2018) at `t` in 0..=1: reads the same with and without colour blindness.
pub(super) fn heat(t: f64) -> RGBColor {
    const ANCHORS: [(u8, u8, u8); 9] = [
        (0x00, 0x22, 0x4E),
        (0x19, 0x37, 0x6C),
        (0x43, 0x4E, 0x6C),
        (0x61, 0x65, 0x6F),
        (0x7D, 0x7C, 0x78),
        (0x9B, 0x94, 0x76),
        (0xBC, 0xAE, 0x6C),
        (0xDE, 0xCA, 0x59),
        (0xFE, 0xE8, 0x38),
    ];
    let position = t.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let index = (position as usize).min(ANCHORS.len() - 2);
    let share = position - index as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (a, b) = (ANCHORS[index], ANCHORS[index + 1]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Text that can be read on `background`, in either mode.
pub(super) fn text_on(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let luminance = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    if luminance > 118.0 { RGBColor(0, 0, 0) } else { RGBColor(255, 255, 255) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_colour_has_a_dark_value() {
        let rules = dark_rules();
        for index in 0..SERIES.len() {
            let RGBColor(r, g, b) = series(index);
            assert!(rules.contains(&format!("#{r:02X}{g:02X}{b:02X}")));
        }
    }

    #[test]
    fn heat_gets_lighter() {
        let luminance = |t: f64| {
            let RGBColor(r, g, b) = heat(t);
            0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
        };
        assert!((0..100).all(|i| luminance(f64::from(i) / 100.0) < luminance(f64::from(i + 1) / 100.0)));
    }
}
