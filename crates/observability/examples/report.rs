//! Measures uniform grids on synthetic weights and writes a report: `cargo run --example report -- out.html`.

use domain_types::testing::gaussian_like;
use observability::report::{Axis, HeatMap, Histogram, Sample, Scatter, Section, Series};
use observability::{Column, ObservabilityError, Report, Table};

/// How a grid's step follows from the weights.
#[derive(Clone, Copy)]
enum Step {
    /// The largest weight gets the outermost level.
    AbsMax,
    /// A multiple of the root mean square, about the best for normal weights.
    Rms,
}

fn main() -> Result<(), ObservabilityError> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "report.html".to_owned());
    let tensors: Vec<(String, Vec<f32>)> = (0..12).map(tensor).collect();
    let mut report = Report::new("Uniform grids on synthetic weights");
    report.describe("Weights", "12 tensors of 16,384, nearly normal, more outliers in later layers");
    report.describe("Seed", "0 to 11");
    report.describe("Crate", concat!("observability ", env!("CARGO_PKG_VERSION")));
    report.push(Section::Heading("Size against quality".into()));
    report.push(Section::Paragraph(
        "A step fitted to the bulk of the weights beats a step that spares the outliers.".into(),
    ));
    report.push(figures(&tensors)?);
    report.push(size_against_quality(&tensors));
    report.push(Section::Heading("Where the error is".into()));
    report.push(error_map(&tensors));
    report.push(levels(&tensors[0].1));
    report.push(Sample {
        title: "Sample".into(),
        prompt: "Q: 12 + 30 = ? A:".into(),
        continuation: " 12 + 30 = 42".into(),
    });
    report.write(path.as_ref())?;
    println!("{}{path}", figures(&tensors)?);
    Ok(())
}

fn tensor(layer: u64) -> (String, Vec<f32>) {
    let mut weights = gaussian_like(layer, 1 << 14);
    weights.iter_mut().step_by(64).for_each(|weight| *weight *= 1.0 + layer as f32 / 4.0);
    (format!("blk.{layer}.ffn_down.weight"), weights)
}

fn grid(weights: &[f32], bits: u32, step: Step) -> (f32, f32) {
    let top = ((1 << (bits - 1)) - 1) as f32;
    let max = weights.iter().fold(0_f32, |max, weight| max.max(weight.abs()));
    let rms = (weights.iter().map(|weight| weight * weight).sum::<f32>() / weights.len() as f32).sqrt();
    match step {
        Step::AbsMax => (max / top, top),
        // Optimal uniform steps for a normal distribution (Max 1960), per number of bits.
        Step::Rms => (rms * [0.996, 0.586, 0.335, 0.188, 0.104][bits as usize - 2], top),
    }
}

fn mse(weights: &[f32], bits: u32, step: Step) -> f64 {
    let (step, top) = grid(weights, bits, step);
    let error =
        |weight: &f32| f64::from(weight - (weight / step).round().clamp(-top - 1.0, top) * step).powi(2);
    weights.iter().map(error).sum::<f64>() / weights.len() as f64
}

const STEPS: [(&str, Step); 2] = [("absmax step", Step::AbsMax), ("RMS step", Step::Rms)];

fn figures(tensors: &[(String, Vec<f32>)]) -> Result<Table, ObservabilityError> {
    let columns = [
        Column::text("step"),
        Column::number("bits per weight", 0),
        Column::number("MSE, layer 0", 5).lowest_is_best(),
        Column::number("MSE, layer 11", 5).lowest_is_best(),
    ];
    let mut table = Table::new("Mean squared error", columns);
    table.push_reference(["unquantized".into(), 32.0.into(), 0.0.into(), 0.0.into()])?;
    for (name, step) in STEPS {
        for bits in 2..=6 {
            let of = |layer: usize| mse(&tensors[layer].1, bits, step).into();
            table.push([name.into(), f64::from(bits).into(), of(0), of(11)])?;
        }
    }
    Ok(table)
}

fn size_against_quality(tensors: &[(String, Vec<f32>)]) -> Scatter {
    let series = STEPS.iter().map(|&(name, step)| {
        let mut series = Series::new(name).joined();
        for bits in 2..=6 {
            series.push(f64::from(bits), mse(&tensors[6].1, bits, step), format!("{name}, {bits} bits"));
        }
        series
    });
    Scatter {
        title: "Error against size, layer 6".into(),
        x: Axis::linear("size (bits per weight)"),
        y: Axis::log("mean squared error"),
        series: series.collect(),
    }
}

fn error_map(tensors: &[(String, Vec<f32>)]) -> HeatMap {
    let formats: Vec<(u32, &str, Step)> =
        (2..=5).flat_map(|bits| STEPS.map(|(name, step)| (bits, name, step))).collect();
    HeatMap {
        title: "Error per tensor and grid".into(),
        value_label: "mean squared error".into(),
        log: true,
        rows: tensors.iter().map(|(name, _)| name.clone()).collect(),
        columns: formats.iter().map(|(bits, name, _)| format!("{bits}-bit {name}")).collect(),
        values: tensors
            .iter()
            .map(|(_, weights)| formats.iter().map(|&(bits, _, step)| mse(weights, bits, step)).collect())
            .collect(),
    }
}

fn levels(weights: &[f32]) -> Histogram {
    let mut histogram = Histogram::of("Weights of layer 0 and 3-bit levels", "weight", weights, 90);
    for (name, step) in STEPS {
        let (step, top) = grid(weights, 3, step);
        let levels: Vec<f64> = (0..8).map(|i| f64::from((i as f32 - top - 1.0) * step)).collect();
        histogram.mark(name, levels);
    }
    histogram
}
