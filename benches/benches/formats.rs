//! Encode, decode and multiply, per format and shape, on all threads.
//!
//! What a benchmark needs is made when it first runs: a filter leaves most out, and trellis codes take seconds.

use benches::{FORMATS, SHAPES, quantized, weights};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain_types::{CodecSet, QuantizeRequest};
use quant_core::{Activations, Codecs, QuantizeOptions, quantizer};
use std::cell::LazyCell;
use std::hint::black_box;
use std::time::Duration;

/// Hundreds of benchmarks: two seconds each settle the third digit.
fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    group
}

/// Weights quantized per second.
fn quantize(c: &mut Criterion) {
    let mut group = group(c, "quantize");
    let (rows, row_len) = SHAPES[1];
    let (shape, values) = weights(rows, row_len);
    let request = QuantizeRequest::new(&values, shape).expect("the weights are finite");
    group.throughput(Throughput::Elements((rows * row_len) as u64)).sample_size(10);
    for format in FORMATS {
        let quantizer = quantizer(format, &QuantizeOptions::default()).expect("the format can be made");
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            b.iter(|| quantizer.quantize(black_box(&request)).expect("the rows fit"));
        });
    }
}

/// Bytes of F32 written per second.
fn dequantize(c: &mut Criterion) {
    let mut group = group(c, "dequantize");
    let (rows, row_len) = SHAPES[0];
    let mut out = vec![0.0; rows * row_len];
    group.throughput(Throughput::BytesDecimal(size_of_val(out.as_slice()) as u64));
    for format in FORMATS {
        let codecs = Codecs::default();
        let tensor = LazyCell::new(|| quantized(format, rows, row_len));
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            let codec = codecs.require(tensor.format()).expect("the format has a codec");
            b.iter(|| codec.decode(black_box(tensor.view()), &mut out).expect("own bytes decode"));
        });
    }
}

/// Multiplications per second, for one token and for a prompt of 64, with F32 and 8-bit activations.
fn multiply(c: &mut Criterion) {
    for (name, tokens) in [("matvec", 1), ("matmul-64", 64)] {
        for activations in [Activations::F32, Activations::Int8] {
            multiply_by(&mut group(c, &format!("{name}-{activations}")), tokens, activations);
        }
    }
}

fn multiply_by(group: &mut BenchmarkGroup<'_, WallTime>, tokens: usize, activations: Activations) {
    let codecs = Codecs::new(activations);
    for (rows, row_len) in SHAPES {
        group.throughput(Throughput::Elements((rows * row_len * tokens) as u64));
        let (_, x) = weights(tokens, row_len);
        let mut y = vec![0.0; tokens * rows];
        for format in FORMATS {
            let linear = LazyCell::new(|| {
                let tensor = quantized(format, rows, row_len);
                let codec = codecs.require(tensor.format()).expect("the format has a codec");
                codec.linear(tensor).expect("a matrix makes a linear layer")
            });
            group.bench_function(BenchmarkId::new(format, format!("{rows}x{row_len}")), |b| {
                b.iter(|| linear.matmul(black_box(&x), tokens, &mut y));
            });
        }
    }
}

criterion_group!(benches, quantize, dequantize, multiply);
criterion_main!(benches);
