//! ggml's order of codes narrower than a byte.
//!
//! Byte j of a run of `RUN` bytes holds the codes j, j + RUN, j + 2·RUN, … of the run's codes, from its lowest bits up:
//! one shift and mask of a vector of bytes gives a vector of neighbouring codes.

/// Splits bytes into codes of `BITS` bits.
#[inline]
pub(crate) fn unpack<const BITS: usize, const RUN: usize>(bytes: &[u8], codes: &mut [u8]) {
    unpack_with::<BITS, RUN>(bytes, codes, |_, fields| fields);
}

/// Splits bytes into fields of `BITS` bits and `put`s them into codes: four codes and four fields, a byte each, become four
/// codes.
///
/// Four at a time: compilers make vectors of it where they do, and elsewhere (the browser's module, ADR 0026) it is faster
/// than byte by byte.
#[inline(always)]
pub(crate) fn unpack_with<const BITS: usize, const RUN: usize>(
    bytes: &[u8],
    codes: &mut [u8],
    put: impl Fn(u32, u32) -> u32,
) {
    debug_assert_eq!(bytes.len() * 8, codes.len() * BITS);
    const { assert!(RUN.is_multiple_of(4)) };
    let mask = u32::from_le_bytes([(1 << BITS) - 1; 4]);
    let runs = bytes.as_chunks::<RUN>().0.iter();
    for (run, codes) in runs.zip(codes.chunks_exact_mut(RUN * 8 / BITS)) {
        for (plane, codes) in codes.as_chunks_mut::<RUN>().0.iter_mut().enumerate() {
            for (codes, bytes) in codes.as_chunks_mut().0.iter_mut().zip(run.as_chunks().0) {
                let fields = u32::from_le_bytes(*bytes) >> (plane * BITS) & mask;
                *codes = put(u32::from_le_bytes(*codes), fields).to_le_bytes();
            }
        }
    }
}

/// Joins codes of `BITS` bits into bytes: the inverse of [`unpack`]. Higher bits of the codes are ignored.
pub(crate) fn pack<const BITS: usize, const RUN: usize>(codes: &[u8], bytes: &mut [u8]) {
    debug_assert_eq!(bytes.len() * 8, codes.len() * BITS);
    let mask = (1_u8 << BITS) - 1;
    bytes.fill(0);
    let runs = bytes.as_chunks_mut::<RUN>().0.iter_mut();
    for (run, codes) in runs.zip(codes.chunks_exact(RUN * 8 / BITS)) {
        for (plane, codes) in codes.as_chunks::<RUN>().0.iter().enumerate() {
            for (byte, code) in run.iter_mut().zip(codes) {
                *byte |= (code & mask) << (plane * BITS);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nibbles_of_a_block_of_32() {
        let bytes: [u8; 16] = std::array::from_fn(|i| (i as u8) | ((15 - i as u8) << 4));
        let mut codes = [0; 32];
        unpack::<4, 16>(&bytes, &mut codes);
        assert_eq!(codes[..3], [0, 1, 2]);
        assert_eq!(codes[16..19], [15, 14, 13]);
    }

    proptest! {
        #[test]
        fn pack_undoes_unpack(bytes in proptest::collection::vec(any::<u8>(), 128)) {
            let (mut codes, mut packed) = ([0; 1024], [0; 128]);
            unpack::<4, 64>(&bytes, &mut codes[..256]);
            pack::<4, 64>(&codes[..256], &mut packed);
            prop_assert_eq!(&packed[..], &bytes[..]);
            unpack::<2, 32>(&bytes, &mut codes[..512]);
            pack::<2, 32>(&codes[..512], &mut packed);
            prop_assert_eq!(&packed[..], &bytes[..]);
            unpack::<1, 32>(&bytes, &mut codes);
            pack::<1, 32>(&codes, &mut packed);
            prop_assert_eq!(&packed[..], &bytes[..]);
        }
    }
}
