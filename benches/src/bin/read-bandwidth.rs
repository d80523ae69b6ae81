//! Measures how fast this machine reads memory in order: `read-bandwidth BYTES THREADS SECONDS` prints GB/s (10⁹ bytes).
//!
//! Each thread sums a part of its own of a buffer of that size, again and again. A buffer of a model's size gives that
//! model's speed limit: on a processor whose cache holds the model it is higher than that of main memory.

use std::error::Error;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Independent sums: enough loads in flight for any processor.
const SUMS: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [bytes, threads, seconds] = args.as_slice() else {
        return Err("usage: read-bandwidth BYTES THREADS SECONDS".into());
    };
    let (bytes, threads): (usize, usize) = (bytes.parse()?, threads.parse()?);
    let time = Duration::try_from_secs_f64(seconds.parse()?)?;
    if threads == 0 || bytes / threads < 8 * SUMS {
        return Err("each thread needs at least 256 bytes to read".into());
    }
    println!("{:.3}", bandwidth(bytes, threads, time));
    Ok(())
}

fn bandwidth(bytes: usize, threads: usize, time: Duration) -> f64 {
    let ready = Barrier::new(threads);
    std::thread::scope(|scope| {
        let reader = || {
            // Written by the thread that reads it, so that it lies near. Not zero: zero pages may all be the same one.
            let part = vec![1_u64; bytes / threads / 8];
            ready.wait();
            read_for(&part, time)
        };
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(reader)).collect();
        readers.into_iter().map(|r| r.join().expect("a reader only sums")).sum::<f64>() / 1e9
    })
}

/// Bytes per second of whole passes for about this long, after one pass to warm up.
fn read_for(part: &[u64], time: Duration) -> f64 {
    black_box(sum(part));
    let start = Instant::now();
    let mut passes = 0_u32;
    while start.elapsed() < time || passes == 0 {
        black_box(sum(black_box(part)));
        passes += 1;
    }
    f64::from(passes) * size_of_val(part) as f64 / start.elapsed().as_secs_f64()
}

fn sum(part: &[u64]) -> u64 {
    let mut sums = [0_u64; SUMS];
    for chunk in part.as_chunks::<SUMS>().0 {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}
