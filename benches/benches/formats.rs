//! Encode, decode and multiply, per format: weights per second.

use benches::{FORMATS, quantized, weights};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain_types::{CodecSet, QuantizeRequest};
use quant_core::{Codecs, QuantizeOptions, quantizer};
use std::hint::black_box;

const ROWS: usize = 1024;
const ROW_LEN: usize = 2048;
const WEIGHTS: u64 = (ROWS * ROW_LEN) as u64;

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(WEIGHTS)).sample_size(10);
    let (shape, values) = weights(ROWS, ROW_LEN);
    let request = QuantizeRequest::new(&values, shape).expect("the weights are finite");
    for format in FORMATS {
        let quantizer = quantizer(format, &QuantizeOptions::default()).expect("the format can be made");
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            b.iter(|| quantizer.quantize(black_box(&request)).expect("the rows fit"));
        });
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(WEIGHTS * 4));
    let mut out = vec![0.0; ROWS * ROW_LEN];
    for format in FORMATS {
        let tensor = quantized(format, ROWS, ROW_LEN);
        let codec = Codecs.require(tensor.format()).expect("the format has a codec");
        group.bench_function(BenchmarkId::from_parameter(format), |b| {
            b.iter(|| codec.decode(black_box(tensor.view()), &mut out).expect("own bytes decode"));
        });
    }
}

fn multiply(c: &mut Criterion) {
    for (name, tokens) in [("matvec", 1_usize), ("matmul-64", 64)] {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(WEIGHTS * tokens as u64));
        let (x, mut y) = (vec![0.5; tokens * ROW_LEN], vec![0.0; tokens * ROWS]);
        for format in FORMATS {
            let tensor = quantized(format, ROWS, ROW_LEN);
            let codec = Codecs.require(tensor.format()).expect("the format has a codec");
            let linear = codec.linear(tensor).expect("a matrix makes a linear layer");
            group.bench_function(BenchmarkId::from_parameter(format), |b| {
                b.iter(|| linear.matmul(black_box(&x), tokens, &mut y));
            });
        }
    }
}

criterion_group!(benches, encode, decode, multiply);
criterion_main!(benches);
