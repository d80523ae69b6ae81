//! The sums and differences, over arrays of lanes that the compiler keeps in vector registers.
#![expect(clippy::inline_always, reason = "only inlined into transform_avx2 are they compiled for AVX2")]

/// Numbers that are worked on at once: a 256-bit register.
const LANES: usize = 8;
type Lanes = [f32; LANES];

/// Lanes in a tile: the first pass does six of the log₂ n stages while a tile is in registers.
const TILE: usize = 8;

/// [`transform`] compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(super) fn transform_avx2(x: &mut [f32], block: usize) {
    transform(x, block);
}

/// Transforms each piece of `block` numbers.
#[inline(always)]
pub(super) fn transform(x: &mut [f32], block: usize) {
    let scale = (1.0 / (block as f64).sqrt()) as f32;
    if block < LANES {
        return x.chunks_exact_mut(block).for_each(|piece| transform_short(piece, scale));
    }
    let (lanes, _) = x.as_chunks_mut::<LANES>();
    for piece in lanes.chunks_exact_mut(block / LANES) {
        transform_lanes(piece, scale);
    }
}

/// Fewer numbers than a register holds.
#[inline(always)]
fn transform_short(x: &mut [f32], scale: f32) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            for i in 0..half {
                (pair[i], pair[i + half]) = (pair[i] + pair[i + half], pair[i] - pair[i + half]);
            }
        }
        half *= 2;
    }
    for x in x {
        *x *= scale;
    }
}

/// One block: the stages inside lanes and tiles first, then three stages with each pass over memory.
#[inline(always)]
fn transform_lanes(x: &mut [Lanes], scale: f32) {
    let tile = x.len().min(TILE);
    match tile {
        1 => first_pass::<1>(x, scale),
        2 => first_pass::<2>(x, scale),
        4 => first_pass::<4>(x, scale),
        _ => first_pass::<TILE>(x, scale),
    }
    let mut stride = tile;
    while stride < x.len() {
        stride *= match x.len() / stride {
            2 => pass::<2>(x, stride),
            4 => pass::<4>(x, stride),
            _ => pass::<8>(x, stride),
        };
    }
}

/// Scales, and transforms each run of `8·TILE` numbers.
#[inline(always)]
fn first_pass<const TILE: usize>(x: &mut [Lanes], scale: f32) {
    for tile in x.as_chunks_mut::<TILE>().0 {
        let scaled = tile.map(|lanes| lanes.map(|x| x * scale));
        *tile = butterflies(scaled.map(within_lanes));
    }
}

/// Combines `RADIX` numbers at a distance of `stride` lanes, for each such group; returns `RADIX`.
#[inline(always)]
fn pass<const RADIX: usize>(x: &mut [Lanes], stride: usize) -> usize {
    for group in x.chunks_exact_mut(RADIX * stride) {
        for i in 0..stride {
            let sums = butterflies::<RADIX>(std::array::from_fn(|k| group[i + k * stride]));
            for (k, sum) in sums.into_iter().enumerate() {
                group[i + k * stride] = sum;
            }
        }
    }
    RADIX
}

/// log₂ `RADIX` stages between registers.
#[inline(always)]
fn butterflies<const RADIX: usize>(mut x: [Lanes; RADIX]) -> [Lanes; RADIX] {
    let mut half = 1;
    while half < RADIX {
        for i in (0..RADIX).filter(|i| i & half == 0) {
            let (a, b) = (x[i], x[i + half]);
            x[i] = std::array::from_fn(|lane| a[lane] + b[lane]);
            x[i + half] = std::array::from_fn(|lane| a[lane] - b[lane]);
        }
        half *= 2;
    }
    x
}

/// The three stages inside a register. `(−1)·x + y` is exact in its product, so this is `y ± x` without branches.
#[inline(always)]
fn within_lanes(x: Lanes) -> Lanes {
    let stage = |x: Lanes, half: usize| -> Lanes {
        std::array::from_fn(|i| {
            let sign = if i & half == 0 { 1.0 } else { -1.0 };
            sign * x[i] + x[i ^ half]
        })
    };
    stage(stage(stage(x, 1), 2), 4)
}
