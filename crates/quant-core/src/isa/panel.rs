//! Sets that multiply four neighbouring bytes and add them to 32 bits in one instruction: prefill with tokens in lanes.

use super::Isa;
use crate::activations::TokenPanel;
use crate::kernel::PanelRow;

/// Rows whose codes are multiplied with a panel at once.
pub(crate) const PANEL_ROWS: usize = 8;
/// Tokens of a panel: the 32-bit lanes of a register of 64 bytes.
pub(crate) const PANEL_TOKENS: usize = 16;

/// Sums of rows and tokens.
pub(crate) type PanelSums = [[f32; PANEL_TOKENS]; PANEL_ROWS];

/// Work that is compiled for such sets.
pub(crate) trait PanelKernel {
    /// Does the work. Must be `#[inline(always)]`, like all that it calls with the token.
    fn run<I: PanelIsa>(self, isa: I);
}

/// What prefill needs of a set besides [`Isa`].
pub(crate) trait PanelIsa: Isa {
    /// Runs a kernel in a function that is compiled for this set.
    fn eval_panel<K: PanelKernel>(self, kernel: K);

    /// Writes a strip out.
    fn store(self, strip: Self::Bytes, rows: [&mut [u8; 32]; 2]);

    /// Eight lanes of each row.
    fn lanes(self, floats: Self::Floats) -> [[f32; 8]; 2];

    /// Each code plus 128: signed bytes become unsigned ones.
    fn unsigned(self, codes: Self::Bytes) -> Self::Bytes;

    /// 128 + (zero − code) · multiplier of its half: the products must fit a signed byte.
    fn fold(self, codes: Self::Bytes, zero: u8, multipliers: Self::Shorts) -> Self::Bytes;

    /// Adds the products of rows with one or two panels of tokens. So many columns share a scale, and so many an offset.
    fn add_panels<const SCALES: usize, const OFFSETS: usize>(
        self,
        rows: &[PanelRow; PANEL_ROWS],
        panels: &[TokenPanel],
        sums: &mut [PanelSums],
    );
}
