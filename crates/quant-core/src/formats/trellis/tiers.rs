//! The codes that there are. `train.rs` made the tables.

use super::{Table, Trellis};

/// 1 bit, windows of 8.
pub(crate) struct T1;

impl Trellis for T1 {
    const ID: &'static str = "t1";
    const BITS: usize = 1;
    const UNIT: f32 = 0.12005;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 16, [4, 11, 0, 15, 15, 2, 11, 5]),
        Table::mirrored(4, 15, [2, 14, 10, 4, 5, 11, 14, 1]),
    ];
}

/// 2 bits, windows of 4.
pub(crate) struct T2;

impl Trellis for T2 {
    const ID: &'static str = "t2";
    const BITS: usize = 2;
    const UNIT: f32 = 0.13660;
    const TABLES: &'static [Table] = &[Table::mirrored(0, 31, [16, 6, 12, 22, 21, 13, 5, 31])];
}

/// 2 bits, windows of 8.
pub(crate) struct T2L8;

impl Trellis for T2L8 {
    const ID: &'static str = "t2_l8";
    const BITS: usize = 2;
    const UNIT: f32 = 0.16227;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 17, [11, 17, 7, 3, 1, 7, 14, 10]),
        Table::mirrored(4, 14, [9, 4, 0, 11, 4, 9, 10, 0]),
    ];
}

/// 2 bits, windows of 12.
pub(crate) struct T2L12;

impl Trellis for T2L12 {
    const ID: &'static str = "t2_l12";
    const BITS: usize = 2;
    const UNIT: f32 = 0.19296;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 13, [0, 6, 10, 4, 5, 10, 6, 0]),
        Table::mirrored(4, 9, [5, 0, 5, 7, 4, 7, 5, 3]),
        Table::mirrored(8, 9, [5, 5, 0, 0, 0, 5, 9, 5]),
    ];
}

/// 3 bits, windows of 7.
pub(crate) struct T3;

impl Trellis for T3 {
    const ID: &'static str = "t3";
    const BITS: usize = 3;
    const UNIT: f32 = 0.09192;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 32, [15, 13, 32, 2, 20, 26, 9, 21]),
        Table::mirrored(3, 31, [7, 30, 13, 11, 31, 13, 12, 6]),
    ];
}

/// 3 bits, windows of 10.
pub(crate) struct T3L10;

impl Trellis for T3L10 {
    const ID: &'static str = "t3_l10";
    const BITS: usize = 3;
    const UNIT: f32 = 0.10318;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 26, [21, 12, 17, 10, 15, 26, 0, 6]),
        Table::mirrored(3, 15, [10, 15, 2, 0, 10, 8, 9, 13]),
        Table::mirrored(6, 22, [14, 5, 2, 16, 22, 14, 14, 12]),
    ];
}

/// 3 bits, windows of 12.
pub(crate) struct T3L12;

impl Trellis for T3L12 {
    const ID: &'static str = "t3_l12";
    const BITS: usize = 3;
    const UNIT: f32 = 0.05271;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 50, [40, 0, 21, 12, 8, 19, 33, 26]),
        Table::mirrored(4, 24, [18, 9, 6, 11, 0, 22, 12, 18]),
        Table::mirrored(8, 53, [23, 24, 18, 40, 53, 49, 43, 18]),
    ];
}

/// 4 bits, windows of 8.
pub(crate) struct T4;

impl Trellis for T4 {
    const ID: &'static str = "t4";
    const BITS: usize = 4;
    const UNIT: f32 = 0.10581;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 32, [0, 20, 22, 7, 20, 18, 16, 5]),
        Table::mirrored(4, 31, [13, 24, 12, 10, 0, 16, 4, 22]),
    ];
}

/// 4 bits, windows of 12.
pub(crate) struct T4L12;

impl Trellis for T4L12 {
    const ID: &'static str = "t4_l12";
    const BITS: usize = 4;
    const UNIT: f32 = 0.06232;
    const TABLES: &'static [Table] = &[
        Table::mirrored(0, 49, [11, 0, 15, 26, 6, 20, 22, 31]),
        Table::mirrored(4, 37, [14, 11, 16, 20, 24, 36, 24, 24]),
        Table::mirrored(8, 41, [12, 29, 17, 33, 21, 5, 41, 15]),
    ];
}
