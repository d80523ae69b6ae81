//! Codes of short blocks, which a row of our own formats may end in ([`planes`](crate::planes) has the layout).

use crate::isa::{Isa, STRIP};

/// Strip `k` of two rows' planes of `P`-bit fields, which are equally long. Right for full blocks too.
#[inline(always)]
pub(crate) fn strip_of_plane<const P: usize, I: Isa>(isa: I, rows: [&[u8]; 2], k: usize) -> I::Bytes {
    let bits = (1 << P) - 1;
    // A group of 8·n bytes holds 2·n/P strips.
    let (group, field) = (k * P / 8, k * P % 8);
    if let Some(rows) = pieces::<32>(rows, 32 * group) {
        return isa.mask(isa.shr(isa.bytes(rows), field as u32), bits);
    }
    let mut at = rows[0].len() & !31;
    let mut k = k - at / 32 * (8 / P);
    if rows[0].len() & 16 != 0 {
        if k < 4 / P
            && let Some(rows) = pieces::<16>(rows, at)
        {
            let low = isa.shr_half(isa.half(rows), (2 * k * P) as u32);
            return isa.mask(isa.join(low, isa.shr_half(low, P as u32)), bits);
        }
        (at, k) = (at + 16, k - 4 / P);
    }
    let [first, second] = if rows[0].len() & 8 != 0 && k < 2 / P {
        [eight::<P>(&rows[0][at..], k), eight::<P>(&rows[1][at..], k)]
    } else {
        at += rows[0].len() & 8;
        [four::<P>(&rows[0][at..]), four::<P>(&rows[1][at..])]
    };
    isa.bytes([&first, &second])
}

/// `N` bytes of each row, where they are there.
#[inline(always)]
fn pieces<const N: usize>(rows: [&[u8]; 2], at: usize) -> Option<[&[u8; N]; 2]> {
    Some([rows[0].get(at..)?.first_chunk()?, rows[1].get(at..)?.first_chunk()?])
}

/// Strip `k` of a group of 8 bytes.
#[inline(always)]
fn eight<const P: usize>(group: &[u8], k: usize) -> [u8; STRIP] {
    let group = u64::from_le_bytes(*group.first_chunk().expect("a group of 8")) >> (4 * k * P);
    let mask = u64::from_le_bytes([(1 << P) - 1; 8]);
    // No loop: where the compiler saves space, it would write bytes to memory, and vectors read what is still on its way.
    let fields = [group & mask, group >> P & mask, group >> (2 * P) & mask, group >> (3 * P) & mask];
    bytemuck::cast(fields.map(u64::to_le))
}

/// The only strip of a group of 4 bytes.
#[inline(always)]
fn four<const P: usize>(group: &[u8]) -> [u8; STRIP] {
    let group = u64::from(u32::from_le_bytes(*group.first_chunk().expect("a group of 4")));
    let mask = u64::from_le_bytes([(1 << P) - 1; 8]);
    let pair = |field: usize| (group >> (field * P) & 0xFFFF_FFFF | group >> ((field + 1) * P) << 32) & mask;
    bytemuck::cast([pair(0), pair(2), pair(4), pair(6)].map(u64::to_le))
}
