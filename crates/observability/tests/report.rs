//! Reports stay whole, safe and self-contained, whatever the data.

use observability::report::{Axis, HeatMap, Histogram, KeyFigures, Sample, Scatter, Section, Series};
use observability::{Cell, Column, Report, Table};
use proptest::prelude::*;

const HOSTILE: &str =
    "</svg></style><script>alert(1)</script><img src=x onerror=\"a()\"> & 'q' \u{1}\u{1b}[2J";

/// A report with `text` wherever a text can go, and `value` wherever a figure can.
fn report(text: &str, value: f64) -> Report {
    let mut table = Table::new(text, [Column::text(text), Column::number(text, 2).lowest_is_best()]);
    table.push([text.into(), value.into()]).unwrap();
    table.push_reference([text.into(), Cell::Missing]).unwrap();
    let mut series = Series::new(text).joined();
    series.push(value, 2.0, text);
    series.push(3.0, value, text);
    let axis = Axis::log(text);
    let mut histogram = Histogram::of(text, text, &[1.0, 2.0, value as f32], 8);
    histogram.mark(text, [1.0, value]);
    let mut report = Report::new(text);
    report.describe(text, text);
    let mut figures = KeyFigures::default();
    figures.push(text, text, text);
    report.push(figures);
    report.push(Section::Heading(text.into()));
    report.push(Section::Paragraph(text.into()));
    report.push(table);
    report.push(Scatter { title: text.into(), x: Axis::linear(text), y: axis, series: vec![series] });
    report.push(histogram);
    report.push(Sample { title: text.into(), prompt: text.into(), continuation: text.into() });
    report.push(HeatMap {
        title: text.into(),
        value_label: text.into(),
        log: true,
        rows: vec![text.into(); 2],
        columns: vec![text.into()],
        values: vec![vec![value], vec![0.5]],
    });
    report
}

/// The plots of a page, each parsed by an XML parser that is not ours.
fn check_plots(html: &str) -> usize {
    let plots = html.split("<svg").skip(1).map(|rest| rest.split_once("</svg>").expect("an SVG ends").0);
    let checked = plots.map(|plot| {
        let plot = format!("<svg{plot}</svg>");
        let document = roxmltree::Document::parse(&plot).unwrap_or_else(|error| panic!("{error} in a plot"));
        let known = ["svg", "line", "text", "rect", "circle", "polygon", "polyline", "path"];
        let elements = document.descendants().filter(roxmltree::Node::is_element);
        elements.for_each(|node| assert!(known.contains(&node.tag_name().name()), "{node:?}"));
        assert!(!plot.contains("NaN") || html.contains("Not on the axes"));
    });
    checked.count()
}

#[test]
fn hostile_text_stays_text() {
    let html = report(HOSTILE, 1.5).to_html().unwrap();
    assert_eq!(check_plots(&html), 3);
    for tag in ["<script", "<img"] {
        assert!(!html.contains(tag), "{tag} got through");
    }
    assert!(html.contains("&lt;script&gt;"), "the text is there, escaped");
    assert_eq!(html.matches("</style>").count(), 1);
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let html = report("plain", 1.5).to_html().unwrap();
    for request in [" src=", " href=", "url(", "@import", "<link", "<script"] {
        assert!(!html.contains(request), "{request}");
    }
    let addresses = html.matches("http").count();
    let namespaces = html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
    let policy = html.matches("http-equiv").count();
    assert_eq!(addresses, namespaces + policy, "the only addresses are XML namespaces");
}

/// What scrolls sideways on a small screen must be reachable by keys, and have a name.
#[test]
fn whatever_scrolls_takes_the_focus() {
    let html = report("plain", 1.5).to_html().unwrap();
    let scrolling = html.matches("class=\"plot\"").count() + html.matches("class=\"scroll\"").count();
    let reachable = html.matches("role=\"region\" tabindex=\"0\" aria-label=\"plain\"").count();
    assert_eq!((scrolling, reachable), (4, 4));
}

#[test]
fn contradictory_plots_are_refused() {
    let mut report = Report::new("r");
    let map = HeatMap {
        title: "errors".into(),
        rows: vec!["a".into()],
        values: vec![vec![1.0]],
        ..HeatMap::default()
    };
    report.push(map);
    let message = report.to_html().unwrap_err().to_string();
    assert!(message.contains("errors") && message.contains("1 rows of 0 columns"), "{message}");

    let mut report = Report::new("r");
    report.push(Histogram { low: f64::NAN, high: 1.0, counts: vec![1], ..Histogram::default() });
    assert!(report.to_html().is_err());
}

#[test]
fn empty_plots_say_so() {
    let mut report = Report::new("r");
    report.push(HeatMap::default());
    report.push(Histogram::of("h", "w", &[f32::NAN], 4));
    report.push(Scatter::default());
    let html = report.to_html().unwrap();
    assert_eq!(html.matches("No values.").count(), 3);
}

#[test]
fn points_without_a_place_are_listed() {
    let mut series = Series::new("s");
    series.push(1.0, f64::INFINITY, "diverged");
    series.push(1.0, 0.0, "zero");
    series.push(2.0, 3.0, "fine");
    let mut report = Report::new("r");
    report.push(Scatter { y: Axis::log("ppl"), series: vec![series], ..Scatter::default() });
    let html = report.to_html().unwrap();
    assert!(html.contains("Not on the axes: diverged (1, inf), zero (1, 0)."), "{html}");
}

#[test]
fn the_best_figure_is_marked_and_references_are_not() {
    let mut table = Table::new("t", [Column::text("format"), Column::number("ppl", 2).lowest_is_best()]);
    table.push_reference(["F32".into(), 26.93.into()]).unwrap();
    for ppl in [31.152, 31.149, 45.79] {
        table.push(["q".into(), ppl.into()]).unwrap();
    }
    let mut report = Report::new("r");
    report.push(table);
    let html = report.to_html().unwrap();
    assert_eq!(html.matches("<strong>31.15</strong>").count(), 2, "what reads the same is marked the same");
    assert_eq!(html.matches("<strong>").count(), 2);
}

#[test]
fn a_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let report = report("text", 1.0);
    report.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), report.to_html().unwrap());
    assert!(report.write(&folder.path().join("absent/report.html")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_figure_and_any_text_give_a_page(text in ".{0,40}", value in prop::num::f64::ANY) {
        check_plots(&report(&text, value).to_html().unwrap());
    }
}
