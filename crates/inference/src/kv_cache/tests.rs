use super::*;
use domain_types::KvRounding as _;
use domain_types::testing::gaussian_like;
use half::f16;
use half::slice::HalfFloatSliceExt;
use proptest::prelude::*;

/// Feeds `rows` (tokens × width) of keys and values, `step` tokens a batch, as attention does.
fn feed(cache: &mut KvCache, rows: &[f32], width: usize, step: usize) {
    for batch in rows.chunks(step * width) {
        let tokens = batch.len() / width;
        let mut piece = cache.piece(0, tokens);
        while !piece.is_empty() {
            let part = &batch[piece.start * width..piece.end * width];
            let negated: Vec<f32> = part.iter().map(|x| -x).collect();
            cache.store(0, piece.start, part, &negated);
            piece = cache.piece(piece.end, tokens);
        }
        cache.advance(tokens);
    }
}

/// Keys and values of positions of head `head` in F32, as a query at `query` reads them, and how many were cold.
fn read(cache: &KvCache, head: usize, positions: Range<usize>, query: usize) -> (Vec<f32>, Vec<f32>, usize) {
    let head_dim = cache.head_dim;
    let (mut all_keys, mut all_values, mut cold_positions) = (Vec::new(), Vec::new(), 0);
    for block in cache.blocks(0, head, positions.clone(), query) {
        let n = block.positions.len();
        let (mut keys, mut values) = (vec![0.0; n * head_dim], vec![0.0; n * head_dim]);
        match &block.rows {
            Rows::Single { keys: k, values: v } => {
                keys.copy_from_slice(k);
                values.copy_from_slice(v);
            }
            Rows::Half { keys: k, values: v } => {
                k.convert_to_f32_slice(&mut keys);
                v.convert_to_f32_slice(&mut values);
            }
            Rows::Cold(cold) => {
                let mut transposed = vec![0.0; n * head_dim];
                let keys_of = cold.keys();
                keys_of
                    .for_each(|(first, panel)| panel.decode(&mut transposed[first * n..], Columns::all(n)));
                for (i, x) in transposed.iter().enumerate() {
                    keys[i % n * head_dim + i / n] = *x;
                }
                cold.values().for_each(|(first, panel)| {
                    panel.decode(&mut values, Columns { stride: head_dim, first });
                });
            }
        }
        let wanted = positions.start.max(block.positions.start)..positions.end.min(block.positions.end);
        if matches!(block.rows, Rows::Cold(_)) {
            cold_positions += wanted.len();
        }
        let part = (wanted.start - block.positions.start) * head_dim..;
        let part = part.start..part.start + wanted.len() * head_dim;
        all_keys.extend_from_slice(&keys[part.clone()]);
        all_values.extend_from_slice(&values[part]);
    }
    (all_keys, all_values, cold_positions)
}

/// What head `head` should hold at `positions`, exactly.
fn column(rows: &[f32], kv_heads: usize, head_dim: usize, head: usize, positions: Range<usize>) -> Vec<f32> {
    let width = kv_heads * head_dim;
    let of = |p: usize| &rows[p * width + head * head_dim..p * width + (head + 1) * head_dim];
    positions.flat_map(of).copied().collect()
}

fn error(a: &[f32], b: &[f32]) -> f32 {
    let squares: f32 = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum();
    (squares / a.len() as f32).sqrt()
}

#[test]
fn an_f16_cache_keeps_everything_to_half_precision() {
    let rows = gaussian_like(1, 300 * 2 * 6);
    let mut cache = KvCache::new(1, 2, 6, 300, KvOptions::default());
    feed(&mut cache, &rows, 12, 77);
    for head in 0..2 {
        let (keys, values, cold) = read(&cache, head, 5..300, 299);
        let halves = |x: f32| f16::from_f32(x).to_f32();
        let expected: Vec<f32> = column(&rows, 2, 6, head, 5..300).into_iter().map(halves).collect();
        assert_eq!((&keys, cold), (&expected, 0));
        assert!(values.iter().zip(&expected).all(|(v, k)| *v == -k));
    }
}

#[test]
fn errors_of_cold_positions_are_those_of_their_bits() {
    // Of normal numbers with the best uniform grid of so many levels (Max 1960), plus what 64 numbers cannot fit.
    let bounds = [(KvFormat::Q8, 0.01, 0.01), (KvFormat::Q4, 0.11, 0.11), (KvFormat::K4V2, 0.11, 0.36)];
    for (format, key_bound, value_bound) in bounds.into_iter().chain([(KvFormat::Q2, 0.36, 0.36)]) {
        for head_dim in [64, 80, 16] {
            let rows = gaussian_like(2, 400 * head_dim);
            let mut cache = KvCache::new(1, 1, head_dim, 400, KvOptions::new(format).with_tail(64));
            feed(&mut cache, &rows, head_dim, 400);
            let (keys, values, cold) = read(&cache, 0, 0..320, 399);
            let negated: Vec<f32> = values.iter().map(|v| -v).collect();
            assert_eq!(cold, 320, "floor64(399) − 64");
            let (k, v) = (error(&keys, &rows[..320 * head_dim]), error(&negated, &rows[..320 * head_dim]));
            println!("{format}, {head_dim}: keys {k:.4}, values {v:.4}");
            assert!(k < key_bound && v < value_bound, "{format}, {head_dim}: {k}, {v}");
            assert!(
                k > key_bound / 8.0 && v > value_bound / 8.0,
                "{format}: cold positions were not quantized"
            );
        }
    }
}

#[test]
fn rotation_takes_the_harm_out_of_an_outlier_channel() {
    let mut rows = gaussian_like(3, 256 * 64);
    rows.iter_mut().skip(7).step_by(64).for_each(|x| *x += 40.0);
    let errors = [false, true].map(|rotated| {
        let mut rows = rows.clone();
        if rotated {
            rotate_heads(&mut rows, 64);
        }
        let mut cache = KvCache::new(1, 1, 64, 256, KvOptions::new(KvFormat::Q4).with_tail(0));
        feed(&mut cache, &rows, 64, 1);
        // Distances do not depend on the rotation.
        error(&read(&cache, 0, 0..192, 255).0, &rows[..192 * 64])
    });
    assert!(errors[1] < 0.4 * errors[0], "{errors:?}");
}

#[test]
fn damage_stays_visible() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut rows = gaussian_like(4, 256 * 64);
        rows[70 * 64 + 9] = bad;
        let mut cache = KvCache::new(1, 1, 64, 256, KvOptions::new(KvFormat::Q2).with_tail(64));
        feed(&mut cache, &rows, 64, 64);
        let (keys, values, _) = read(&cache, 0, 64..128, 255);
        assert!(keys[6 * 64 + 9].is_nan() && values[6 * 64 + 9].is_nan());
        assert!(read(&cache, 0, 0..64, 255).0.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn equal_numbers_are_kept_exactly() {
    let rows = vec![-3.25; 192 * 16];
    let mut cache = KvCache::new(1, 1, 16, 192, KvOptions::new(KvFormat::Q2).with_tail(0));
    feed(&mut cache, &rows, 16, 192);
    let (keys, values, cold) = read(&cache, 0, 0..128, 191);
    assert_eq!((keys, cold), (vec![-3.25; 128 * 16], 128));
    assert!(values.iter().all(|v| *v == 3.25));
}

#[test]
fn positions_that_do_not_count_are_overwritten() {
    for format in KvFormat::ALL {
        let mut cache = KvCache::new(1, 1, 1, 4, KvOptions::new(format));
        cache.store(0, 0, &[1.0, 2.0], &[1.0, 2.0]);
        cache.store(0, 0, &[3.0], &[3.0]);
        cache.advance(1);
        assert_eq!((read(&cache, 0, 0..1, 0).0, cache.len()), (vec![3.0], 1));
    }
}

/// Bytes per number (key or value) of `positions` positions with `bits` bits, by the layout's definition.
fn expected_bytes(positions: usize, numbers: usize, bits: f64) -> f64 {
    let cold = ((positions - 1) / 64 * 64 - 128) as f64;
    numbers as f64 * (2.0 * 192.0 + cold * (bits + 0.5) / 8.0)
}

#[test]
fn memory_of_a_full_cache_is_what_the_documentation_says() {
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    for (format, bits) in [(KvFormat::Q4, 4.0), (KvFormat::Q2, 2.0), (KvFormat::K4V2, 3.0)] {
        // A sixteenth of the layers is enough: all are alike.
        let (layers, kv_heads, head_dim) = (2, 8, 128);
        let mut cache = KvCache::new(layers, kv_heads, head_dim, 4096, KvOptions::new(format));
        let rows = gaussian_like(5, 64 * kv_heads * head_dim);
        for _ in 0..4096 / 64 {
            (0..layers).for_each(|layer| cache.store(layer, 0, &rows, &rows));
            cache.advance(64);
        }
        let expected = expected_bytes(4096, 2 * layers * kv_heads * head_dim, bits);
        assert_eq!(cache.bytes() as f64, expected, "{format}");
        println!(
            "{format}: Mistral 7B {:.1} MiB, Llama 2 7B {:.1} MiB",
            mib(expected * 16.0),
            mib(expected * 64.0)
        );
        // The design's promise, for 32 layers of 8 key heads of 128 dimensions.
        let promise = if format == KvFormat::Q4 { 280.0 } else { 156.0 };
        assert!(mib(cache.bytes() as f64 * 16.0) <= promise, "{format}");
    }
}

/// Numbers that F16 does not hold are kept in F32, with those that were stored before them.
#[test]
fn what_half_precision_does_not_hold_is_kept() {
    let mut rows = gaussian_like(3, 10 * 8);
    rows[5 * 8 + 2] = 1e6;
    for step in [1, 4, 10] {
        let mut cache = KvCache::new(1, 2, 4, 64, KvOptions::default());
        feed(&mut cache, &rows, 8, step);
        assert!(cache.widened());
        let (keys, values, _) = read(&cache, 0, 0..10, 9);
        for (at, (key, value)) in keys.iter().zip(&values).enumerate() {
            let expected = rows[at / 4 * 8 + at % 4];
            assert!((key - expected).abs() <= expected.abs() * 1e-3, "{at}: {key} for {expected}");
            assert_eq!(*value, -key);
        }
        assert_eq!(keys[5 * 4 + 2], 1e6);
    }
    let mut small = KvCache::new(1, 2, 4, 64, KvOptions::default());
    rows[5 * 8 + 2] = 65_504.0;
    feed(&mut small, &rows, 8, 4);
    assert!(!small.widened());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// However tokens are batched, after however many earlier uses: the same bits are read, the positions that a query
    /// finds in F16 are its own block and the tail, and memory stays within the capacity.
    #[test]
    fn batches_do_not_matter(
        steps in prop::collection::vec(1_usize..200, 1..8),
        format in prop::sample::select(&KvFormat::ALL[..]),
        tail in 0_usize..200,
        used_before in 0_usize..300,
        head_dim in prop::sample::select(&[4_usize, 64, 80][..]),
        seed in 0_u64..1_000_000,
    ) {
        let tokens: usize = steps.iter().sum();
        let capacity = tokens.max(used_before).max(1);
        let options = KvOptions::new(format).with_tail(tail);
        let (rows, width) = (gaussian_like(seed, tokens * 2 * head_dim), 2 * head_dim);
        let mut single = KvCache::new(1, 2, head_dim, capacity, options);
        feed(&mut single, &rows, width, 1);
        let mut batched = KvCache::new(1, 2, head_dim, capacity, options);
        feed(&mut batched, &gaussian_like(!seed, used_before * width), width, 100);
        batched.clear();
        let mut rest = &rows[..];
        for step in steps {
            let (batch, after) = rest.split_at(step * width);
            feed(&mut batched, batch, width, step);
            rest = after;
        }
        prop_assert_eq!((batched.len(), single.len()), (tokens, tokens));
        let whole_tail = tail.min(capacity).next_multiple_of(64);
        let query = tokens - 1;
        for head in 0..2 {
            let (keys, values, cold) = read(&batched, head, 0..tokens, query);
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let same = read(&single, head, 0..tokens, query);
            prop_assert_eq!((bits(&keys), bits(&values), cold), (bits(&same.0), bits(&same.1), same.2));
            let expected = if format.cold_bits().is_none() { 0 } else { (query / 64 * 64).saturating_sub(whole_tail) };
            prop_assert_eq!(cold, expected);
            let exact = column(&rows, 2, head_dim, head, cold..tokens);
            let bound = if format == KvFormat::F32 { f32::MIN_POSITIVE } else { 1e-3 };
            prop_assert!(error(&keys[cold * head_dim..], &exact) < bound);
        }
        let number = if format == KvFormat::F32 { 4 } else { 2 };
        let uncold = if format.cold_bits().is_none() { capacity } else { whole_tail + 64 };
        let recent = 2 * 2 * number * head_dim * uncold;
        let cold_rows = 2 * (capacity / 64) * 2 * 64 * (head_dim.next_multiple_of(32) + 4 * head_dim.div_ceil(32));
        prop_assert!(batched.bytes() <= recent + 2 * cold_rows, "{} bytes", batched.bytes());
    }

    /// The product straight from the codes is the product with the decoded panel.
    #[test]
    fn direct_products_agree_with_decoding(
        left_rows in 1_usize..10,
        head_dim in prop::sample::select(&[20_usize, 64, 80, 128][..]),
        format in prop::sample::select(&KvFormat::ALL[2..]),
        seed in 0_u64..1_000_000,
    ) {
        let rows = gaussian_like(seed, 128 * head_dim);
        let mut cache = KvCache::new(1, 1, head_dim, 128, KvOptions::new(format).with_tail(0));
        feed(&mut cache, &rows, head_dim, 128);
        let block = cache.blocks(0, 0, 0..64, 127).next().expect("a block");
        let Rows::Cold(cold) = block.rows else { panic!("the first block is cold") };
        let product = |left: &[f32], right: &[f32], k: usize, stride: usize| -> Vec<f32> {
            let dot = |l: &[f32], c: usize| l.iter().enumerate().map(|(r, x)| x * right[r * stride + c]).sum();
            left.chunks(k).flat_map(|l| (0..stride).map(move |c| dot(l, c)).collect::<Vec<f32>>()).collect()
        };
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-3);

        let queries = gaussian_like(seed + 1, left_rows * head_dim);
        let mut keys = vec![0.0; head_dim * 64];
        cold.keys().for_each(|(first, panel)| panel.decode(&mut keys[first * 64..], Columns::all(64)));
        let mut scores = vec![0.0; left_rows * 64];
        for (first, panel) in cold.keys() {
            panel.add_product(&queries, Columns { stride: head_dim, first }, &mut scores, Columns::all(64));
        }
        prop_assert!(close(&scores, &product(&queries, &keys, head_dim, 64)));

        let weights = gaussian_like(seed + 2, left_rows * 64);
        let (mut values, mut sums) = (vec![0.0; 64 * head_dim], vec![0.0; left_rows * head_dim]);
        cold.values().for_each(|(first, panel)| panel.decode(&mut values, Columns { stride: head_dim, first }));
        for (first, panel) in cold.values() {
            panel.add_product(&weights, Columns::all(64), &mut sums, Columns { stride: head_dim, first });
        }
        prop_assert!(close(&sums, &product(&weights, &values, 64, head_dim)));
    }
}

#[test]
fn what_training_rounds_to_is_what_cold_positions_read_as() {
    for format in KvFormat::ALL {
        for head_dim in [64, 80, 16] {
            let rows = gaussian_like(5, 256 * head_dim);
            let options = KvOptions::new(format).with_tail(0).with_rotation(false);
            let mut cache = KvCache::new(1, 1, head_dim, 256, options);
            feed(&mut cache, &rows, head_dim, 64);
            let (keys, values, _) = read(&cache, 0, 0..192, 255);
            let (mut rounded_keys, mut rounded_values) = (rows[..192 * head_dim].to_vec(), Vec::new());
            rounded_values.extend(rounded_keys.iter().map(|x| -x));
            let rounding = ColdRounding::new(options);
            rounding.round_keys(&mut rounded_keys, head_dim);
            rounding.round_values(&mut rounded_values, head_dim);
            assert_eq!((keys, values), (rounded_keys, rounded_values), "{format}, {head_dim}");
        }
    }
}

#[test]
fn training_rounds_rotated_heads_and_turns_them_back() {
    let rounding = ColdRounding::new(KvOptions::new(KvFormat::Q4));
    let rows = gaussian_like(6, 10 * 64);
    let (mut expected, mut found) = (rows.clone(), rows);
    rotate_heads(&mut expected, 64);
    ColdRounding::new(KvOptions::new(KvFormat::Q4).with_rotation(false)).round_keys(&mut expected, 64);
    rotate_heads(&mut expected, 64);
    rounding.round_keys(&mut found, 64);
    assert_eq!(found, expected);
}
