//! The Hadamard transform and rotations, one thread: bytes of F32 transformed per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain_types::OrthogonalTransform;
use quant_core::hadamard::transform;
use quant_core::incoherence::Rotation;
use std::hint::black_box;

fn hadamard(c: &mut Criterion) {
    let mut group = c.benchmark_group("hadamard");
    for n in [64, 1024, 4096] {
        let mut x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        group.throughput(Throughput::Bytes(n as u64 * 4));
        group.bench_function(BenchmarkId::new("plain", n), |b| b.iter(|| transform(black_box(&mut x), n)));
    }
    for n in [576, 1024, 1536, 4864] {
        let mut x: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let rotation = Rotation::new(n, 1).expect("an odd factor of at most 512");
        group.throughput(Throughput::Bytes(n as u64 * 4));
        group.bench_function(BenchmarkId::new("rotation", n), |b| {
            b.iter(|| rotation.apply(black_box(&mut x)));
        });
    }
}

criterion_group!(benches, hadamard);
criterion_main!(benches);
