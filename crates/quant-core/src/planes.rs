//! Codes of 2, 3 and 4 bits as planes of bit fields, laid out for vectors: the file layout of our own formats.
//!
//! A plane of p-bit fields (p = 1, 2 or 4) is cut into groups of 32 bytes; what remains is cut into at most one group
//! each of 16, 8 and 4 bytes. In a group of G bytes, bits p·i and up of byte j hold the field of weight j + i·G. So a
//! load, a shift and a mask give neighbouring weights, for 32-byte and 16-byte vectors alike. 3-bit codes are a plane
//! of their low two bits followed by a plane of their high bits. Full blocks of 256 are thereby laid out like the
//! codes of ggml's Q2_K, Q3_K and TQ2_0.

use crate::formats::ggml::interleave::{pack, unpack_with};

/// The most codes that are read at once.
const MOST: usize = 256;

/// Groups of 32 bytes: any number. Of the smaller sizes there is one where the length has that bit.
const WHOLE_GROUPS: usize = !31;

/// Packs groups of one size.
type Pack = fn(&[u8], &mut [u8]);

/// Bytes that `n` codes of `bits` bits take.
pub(crate) const fn code_bytes(bits: usize, n: usize) -> usize {
    bits * n / 8
}

/// Reads as many codes as `codes` holds, a multiple of 32, at most 256.
#[inline]
pub(crate) fn read_codes(bits: usize, bytes: &[u8], codes: &mut [u8]) {
    let set = |_, fields| fields;
    match bits {
        2 => read_plane::<2>(bytes, codes, set),
        3 => {
            let (low, high) = bytes.split_at(code_bytes(2, codes.len()));
            read_plane::<2>(low, codes, set);
            read_plane::<1>(high, codes, |codes, high| codes | high << 2);
        }
        4 => read_plane::<4>(bytes, codes, set),
        _ => unreachable!("formats have codes of 2, 3 or 4 bits"),
    }
}

/// Writes codes below 2^`bits`, a multiple of 32 of them, at most 256.
pub(crate) fn write_codes(bits: usize, codes: &[u8], bytes: &mut [u8]) {
    match bits {
        2 => write_plane::<2>(codes, bytes),
        3 => {
            let (low, high) = bytes.split_at_mut(code_bytes(2, codes.len()));
            let mut high_bits = [0; MOST];
            for (high, code) in high_bits.iter_mut().zip(codes) {
                *high = code >> 2;
            }
            write_plane::<2>(codes, low);
            write_plane::<1>(&high_bits[..codes.len()], high);
        }
        4 => write_plane::<4>(codes, bytes),
        _ => unreachable!("formats have codes of 2, 3 or 4 bits"),
    }
}

/// Codes of a short block, 2 or 3 bits each, as a full block of 256 has them, others zero. `full` must hold zeros.
#[inline(always)]
pub(crate) fn lengthen_codes(bits: usize, short: &[u8], full: &mut [u8]) {
    let (low, high) = short.split_at(short.len() * 2 / bits);
    let (full_low, full_high) = full.split_at_mut(code_bytes(2, MOST));
    lengthen_plane::<2>(low, full_low);
    if bits == 3 {
        lengthen_plane::<1>(high, full_high);
    }
}

/// Groups of 32 bytes stay; the fields of smaller ones go to their places in the next group of 32.
#[inline(always)]
fn lengthen_plane<const P: usize>(short: &[u8], full: &mut [u8]) {
    let (whole, mut rest) = short.split_at(short.len() & WHOLE_GROUPS);
    full[..whole.len()].copy_from_slice(whole);
    let mut first = whole.len() * 8 / P;
    for size in [16, 8, 4] {
        if rest.len() & size == 0 {
            continue;
        }
        let (group, after) = rest.split_at(size);
        rest = after;
        for field in 0..8 / P {
            let code = first + field * size;
            // its group of 32 bytes, the place in it, and the shift
            let (at, shift) = (code * P / 256 * 32 + code % 32, code / 32 * P % 8);
            spread::<P>(group, field * P, &mut full[at..at + size], shift);
        }
        first += size * 8 / P;
    }
}

/// Ors the P-bit fields at bit `from` of each byte into `to`, at bit `shift`; four bytes at a time.
#[inline(always)]
fn spread<const P: usize>(group: &[u8], from: usize, to: &mut [u8], shift: usize) {
    let mask = u32::from_le_bytes([(1 << P) - 1; 4]);
    for (group, to) in group.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<4>().0) {
        let fields = u32::from_le_bytes(*group) >> from & mask;
        *to = (u32::from_le_bytes(*to) | fields << shift).to_le_bytes();
    }
}

/// Has P-bit fields `put` into their codes, as [`unpack_with`] does.
#[inline(always)]
fn read_plane<const P: usize>(bytes: &[u8], codes: &mut [u8], put: impl Fn(u32, u32) -> u32 + Copy) {
    let (bytes, codes) = read_groups::<P, 32>(bytes, codes, WHOLE_GROUPS, put);
    let (bytes, codes) = read_groups::<P, 16>(bytes, codes, 16, put);
    let (bytes, codes) = read_groups::<P, 8>(bytes, codes, 8, put);
    read_groups::<P, 4>(bytes, codes, 4, put);
}

/// Groups of `G` bytes, as many bytes as the length has in the bits of `size`. Returns what follows them.
#[inline(always)]
fn read_groups<'a, const P: usize, const G: usize>(
    bytes: &'a [u8],
    codes: &'a mut [u8],
    size: usize,
    put: impl Fn(u32, u32) -> u32,
) -> (&'a [u8], &'a mut [u8]) {
    let n = bytes.len() & size;
    let (groups, bytes) = bytes.split_at(n);
    let (fields, codes) = codes.split_at_mut(n * 8 / P);
    unpack_with::<P, G>(groups, fields, put);
    (bytes, codes)
}

fn write_plane<const P: usize>(mut codes: &[u8], mut bytes: &mut [u8]) {
    let sizes: [(usize, Pack); 4] =
        [(WHOLE_GROUPS, pack::<P, 32>), (16, pack::<P, 16>), (8, pack::<P, 8>), (4, pack::<P, 4>)];
    for (size, pack) in sizes {
        let n = bytes.len() & size;
        let (group, fields);
        (group, bytes) = bytes.split_at_mut(n);
        (fields, codes) = codes.split_at(n * 8 / P);
        pack(fields, group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(bits: usize, codes: &[u8]) {
        let codes: Vec<u8> = codes.iter().map(|c| c & ((1 << bits) - 1)).collect();
        let mut bytes = vec![0xFF; code_bytes(bits, codes.len())];
        write_codes(bits, &codes, &mut bytes);
        let mut read = vec![0xFF; codes.len()];
        read_codes(bits, &bytes, &mut read);
        assert_eq!(read, codes);
    }

    proptest! {
        #[test]
        fn codes_survive(granules in 1_usize..=8, codes in prop::collection::vec(any::<u8>(), 256)) {
            for bits in 2..=4 {
                round_trip(bits, &codes[..32 * granules]);
            }
        }
    }

    proptest! {
        #[test]
        fn lengthened_codes_are_the_same(granules in 1_usize..=8, codes in prop::collection::vec(any::<u8>(), 256)) {
            for bits in 2..=3 {
                let mut codes: Vec<u8> = codes.iter().map(|c| c & ((1 << bits) - 1)).collect();
                codes[32 * granules..].fill(0);
                let (mut short, mut full) = (vec![0; code_bytes(bits, 32 * granules)], vec![0; code_bytes(bits, 256)]);
                write_codes(bits, &codes[..32 * granules], &mut short);
                lengthen_codes(bits, &short, &mut full);
                let mut read = vec![0; 256];
                read_codes(bits, &full, &mut read);
                prop_assert_eq!(&read, &codes);
            }
        }
    }

    #[test]
    fn a_tail_of_96_is_a_group_of_64_and_one_of_32() {
        let mut codes = [0; 96];
        codes[17] = 3; // byte 1, second field of the 16-byte group
        codes[64 + 8] = 2; // byte 0, second field of the 8-byte group
        let mut bytes = [0; 24];
        write_codes(2, &codes, &mut bytes);
        let mut expected = [0; 24];
        expected[1] = 3 << 2;
        expected[16] = 2 << 2;
        assert_eq!(bytes, expected);
    }
}
