//! The page around the sections. `maud` escapes every text that is not marked as markup.

use super::{Report, Sample, Section, palette};
use crate::{ObservabilityError, Table};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Even a script that slipped through could neither run nor load anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn render(report: &Report) -> Result<String, ObservabilityError> {
    let sections = report.sections.iter().map(section).collect::<Result<Vec<_>, _>>()?;
    let style = format!("{STYLE}{}", palette::dark_rules());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title) }
                style { (PreEscaped(style)) }
            }
            body {
                header {
                    h1 { (report.title) }
                }
                main { @for section in sections { (section) } }
                @if !report.environment.is_empty() {
                    footer {
                        h2 { "How this was made" }
                        (environment(&report.environment))
                    }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn environment(entries: &[(String, String)]) -> Markup {
    html! {
        dl { @for (name, value) in entries { div { dt { (name) } dd { (value) } } } }
    }
}

fn section(section: &Section) -> Result<Markup, ObservabilityError> {
    Ok(match section {
        Section::Heading(text) => html! { h2 { (text) } },
        Section::KeyFigures(content) => content.render(),
        Section::Paragraph(text) => html! { p { (text) } },
        Section::Table(content) => figure(content.caption(), &table(content)),
        Section::Scatter(plot) => figure(&plot.title, &plot.render()?),
        Section::HeatMap(plot) => figure(&plot.title, &plot.render()?),
        Section::Histogram(plot) => figure(&plot.title, &plot.render()?),
        Section::Sample(content) => figure(&content.title, &sample(content)),
    })
}

fn figure(caption: &str, content: &Markup) -> Markup {
    html! { figure { figcaption { (caption) } (content) } }
}

fn table(table: &Table) -> Markup {
    html! {
        div class="scroll" role="region" tabindex="0" aria-label=(table.caption()) {
            table {
                thead { tr { @for (header, numeric) in table.headers() { th scope="col" class=[numeric.then_some("number")] { (header) } } } }
                tbody {
                    @for row in table.shown() {
                        tr class=[row.reference.then_some("reference")] {
                            @for cell in row.cells {
                                td class=[cell.numeric.then_some("number")] {
                                    @if cell.best { strong { (cell.text) } } @else { (cell.text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sample(sample: &Sample) -> Markup {
    html! { pre { span class="prompt" { (sample.prompt) } (sample.continuation) } }
}
