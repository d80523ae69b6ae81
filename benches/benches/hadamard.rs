//! The Hadamard transform, one thread: bytes of F32 transformed per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quant_core::hadamard::{SignedHadamard, transform};
use std::hint::black_box;

fn hadamard(c: &mut Criterion) {
    let mut group = c.benchmark_group("hadamard");
    for n in [64, 1024, 4096] {
        let mut x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        group.throughput(Throughput::Bytes(n as u64 * 4));
        group.bench_function(BenchmarkId::new("plain", n), |b| b.iter(|| transform(black_box(&mut x), n)));
        let rotation = SignedHadamard::new(n, 1).expect("a power of two");
        group.bench_function(BenchmarkId::new("signed", n), |b| {
            b.iter(|| rotation.forward(black_box(&mut x)));
        });
    }
}

criterion_group!(benches, hadamard);
criterion_main!(benches);
