//! Sums from which the figures follow, in F64.

/// Sums over weights.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) count: u64,
    error: f64,
    original: f64,
    decoded: f64,
    product: f64,
    pub(super) outliers: u64,
    pub(super) retained: u64,
    pub(super) saturated: u64,
    pub(super) vanished: u64,
}

/// The largest number of F16, in which formats hold weights or scales.
const LARGEST_F16: f32 = 65_504.0;

impl Sums {
    /// The sums of a row, without its outliers. `half` says that weights are F16 one by one.
    pub(super) fn of_row(original: &[f32], decoded: &[f32], half: bool) -> Self {
        let mut sums = Self { count: original.len() as u64, ..Self::default() };
        for (w, d) in original.iter().zip(decoded) {
            // Of a format of few levels a weight may come back as less, but not as less than half.
            let kept = if half { w.abs() < LARGEST_F16 + 16.0 } else { d.abs() >= w.abs() / 2.0 };
            sums.saturated += u64::from(w.abs() > LARGEST_F16 && !kept);
            sums.vanished += u64::from(*w != 0.0 && *d == 0.0);
            let (w, d) = (f64::from(*w), f64::from(*d));
            sums.error += (w - d) * (w - d);
            sums.original += w * w;
            sums.decoded += d * d;
            sums.product += w * d;
        }
        sums
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            error: self.error + other.error,
            original: self.original + other.original,
            decoded: self.decoded + other.decoded,
            product: self.product + other.product,
            outliers: self.outliers + other.outliers,
            retained: self.retained + other.retained,
            saturated: self.saturated + other.saturated,
            vanished: self.vanished + other.vanished,
        }
    }

    /// Squares of finite F32 cannot overflow an F64, so this says whether all weights were finite.
    pub(super) fn is_finite(&self) -> bool {
        self.error.is_finite() && self.original.is_finite() && self.decoded.is_finite()
    }

    pub(super) fn mse(&self) -> f64 {
        self.error / self.count as f64
    }

    pub(super) fn relative_error(&self) -> f64 {
        if self.error == 0.0 { 0.0 } else { self.error / self.original }
    }

    pub(super) fn cosine(&self) -> f64 {
        match (self.original == 0.0, self.decoded == 0.0) {
            (true, true) => 1.0,
            (false, false) => self.product / (self.original * self.decoded).sqrt(),
            _ => 0.0,
        }
    }

    pub(super) fn outlier_retention(&self) -> f64 {
        self.retained as f64 / self.outliers as f64
    }
}
