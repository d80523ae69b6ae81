//! Integers in the order of floats: sorting them is faster than sorting by a comparison, and all of it is one function.

/// An integer for each float, in the order of [`f32::total_cmp`].
pub(crate) fn key(x: f32) -> u32 {
    let bits = x.to_bits();
    if x.is_sign_negative() { !bits } else { bits | 1 << 31 }
}

/// The float of a key.
pub(crate) fn float(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_floats() {
        let rising =
            [f32::NEG_INFINITY, f32::MIN, -3.5, -1e-40, -0.0, 0.0, f32::MIN_POSITIVE, 3.5, f32::INFINITY];
        assert!(rising.map(key).is_sorted_by(|a, b| a < b));
        assert_eq!(rising.map(|x| float(key(x)).to_bits()), rising.map(f32::to_bits));
    }
}
