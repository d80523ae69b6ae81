//! llama.cpp's figures, where they were measured as ours are.

use super::Demo;
use anyhow::{Context as _, Result};
use observability::report::Series;
use serde::Deserialize;

/// What was measured once, with what.
#[derive(Deserialize)]
struct Measured {
    name: String,
    model_sha256: String,
    text_sha256: String,
    ctx: usize,
    chunks: usize,
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    format: String,
    bytes: u64,
    kld_mean: f64,
}

fn measured() -> Result<Measured> {
    toml::from_str(include_str!("llama_cpp.toml")).context("llama.cpp's figures")
}

/// Size (MB) and divergence of llama.cpp's files, if model, text, chunks and their length are those of the demo.
pub(super) fn points(demo: &Demo<'_>) -> Result<Option<Series>> {
    let measured = measured()?;
    let text = demo.text.map(std::fs::read).transpose()?.map(|text| model_store::sha256_bytes(&text));
    let is_same = text.as_ref() == Some(&measured.text_sha256)
        && (demo.ctx, demo.chunks) == (measured.ctx, measured.chunks)
        && demo.model.sha256()? == measured.model_sha256;
    Ok(is_same.then(|| series(&measured)))
}

fn series(measured: &Measured) -> Series {
    let mut series = Series::new(&*measured.name);
    for point in &measured.points {
        series.push(point.bytes as f64 / 1e6, point.kld_mean, &*point.format);
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_can_be_read() {
        let series = series(&measured().unwrap());
        assert_eq!(series.points.len(), 6);
        assert!(series.points.iter().all(|p| (80.0..110.0).contains(&p.x) && p.y > 0.0));
    }
}
