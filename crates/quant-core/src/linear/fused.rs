//! [`Linear`] on packed weights and 8-bit activations.

use crate::activations::{ActivationBlock, TokenPanel, blocks, quantize_rows};
use crate::block::BlockFormat;
use crate::isa::{Level, PANEL_TOKENS, dispatch};
use crate::kernel::{
    BlockKernel, BlockRows, PANEL_TILE, PanelRows, ROW_TILE, RowsTimesVector, TileTimesPanels,
    TileTimesTokens, fill_panels,
};
use crate::parallel::for_each_row;
use domain_types::{Linear, QuantTensor};
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

/// The most weights that one task multiplies: little enough that threads finish together.
const MOST_PER_TASK: usize = 1 << 17;
/// The fewest: enough to outweigh handing them to a thread.
const FEWEST_PER_TASK: usize = 1 << 15;

thread_local! {
    /// Rooms for quantized activations, kept so that decoding a token allocates nothing. More than one: a thread that
    /// waits for others may be given another product to do.
    static ROOMS: RefCell<Vec<Vec<ActivationBlock>>> = const { RefCell::new(Vec::new()) };
    /// The same for many tokens side by side.
    static PANELS: Cell<Vec<TokenPanel>> = const { Cell::new(Vec::new()) };
}

/// A weight matrix that stays packed and is multiplied by kernel `K`.
pub(crate) struct FusedLinear<K> {
    tensor: QuantTensor,
    kernel: PhantomData<K>,
}

impl<K> FusedLinear<K> {
    pub(crate) fn new(tensor: QuantTensor) -> Self {
        Self { tensor, kernel: PhantomData }
    }
}

impl<K: BlockKernel> FusedLinear<K> {
    /// The bytes of `count` rows from `first`.
    fn rows(&self, first: usize, count: usize) -> &[u8] {
        let stride = self.tensor.view().row_stride();
        &self.tensor.bytes()[first * stride..][..count * stride]
    }
}

/// Whether so many tokens are multiplied faster side by side, with [`times_panels`].
pub(crate) fn wants_panels(tokens: usize) -> bool {
    tokens >= PANEL_TOKENS / 2 && Level::selected().has_panels()
}

/// Products with many tokens, which lie in lanes. `rows` are `count` rows from a certain one on, `y`: rows × tokens.
pub(crate) fn times_panels<R: PanelRows>(
    x: &[ActivationBlock],
    row_len: usize,
    y: &mut [f32],
    rows: impl Fn(usize, usize) -> R + Sync + Send,
) {
    let per_token = blocks(row_len);
    let tokens = x.len() / per_token;
    let mut panels = PANELS.take();
    panels.resize(tokens.div_ceil(PANEL_TOKENS) * per_token, TokenPanel::ZERO);
    fill_panels(x, per_token, &mut panels);
    let x = &panels[..];
    for_each_row(y, PANEL_TILE * tokens, |tile, y| {
        let rows = rows(tile * PANEL_TILE, y.len() / tokens);
        Level::selected().eval_panel(TileTimesPanels { rows, row_len, x, y, tokens });
    });
    PANELS.set(panels);
}

/// Calls `work` with rows of `row_len` activations, quantized.
pub(crate) fn with_activations(x: &[f32], row_len: usize, work: impl FnOnce(&[ActivationBlock])) {
    let mut room = ROOMS.with_borrow_mut(Vec::pop).unwrap_or_default();
    room.resize(x.len() / row_len * blocks(row_len), ActivationBlock::ZERO);
    quantize_rows(x, row_len, &mut room);
    work(&room);
    ROOMS.with_borrow_mut(|rooms| rooms.push(room));
}

/// Rows that one task multiplies, so that tasks are equally large and their number is a multiple of four where it can
/// be: threads finish together. Whole cache lines of results: no two threads write to the same one.
pub(crate) fn rows_per_task(rows: usize, row_len: usize) -> usize {
    let weights = rows * row_len;
    let tasks = weights.div_ceil(MOST_PER_TASK).next_multiple_of(4).min(weights / FEWEST_PER_TASK).max(1);
    rows.div_ceil(tasks).next_multiple_of(16)
}

impl<K: BlockKernel> Linear for FusedLinear<K> {
    fn in_features(&self) -> usize {
        self.tensor.shape().row_len()
    }

    fn out_features(&self) -> usize {
        self.tensor.shape().rows()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        let row_len = self.in_features();
        assert_eq!((x.len(), y.len()), (row_len, self.out_features()));
        let rows_per_task = rows_per_task(y.len(), row_len);
        with_activations(x, row_len, |x| {
            for_each_row(y, rows_per_task, |task, y| {
                let rows = self.rows(task * rows_per_task, y.len());
                dispatch(RowsTimesVector::<K> { rows, row_len, x, y, kernel: PhantomData });
            });
        });
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        let (row_len, rows) = (self.in_features(), self.out_features());
        assert_eq!((x.len(), y.len()), (tokens * row_len, tokens * rows));
        if tokens == 1 {
            return self.matvec(x, y);
        }
        // Each tile of rows writes its own contiguous part of the transposed output.
        let mut transposed = vec![0.0; tokens * rows];
        with_activations(x, row_len, |x| {
            if wants_panels(tokens) {
                let stride = self.tensor.view().row_stride();
                return times_panels(x, row_len, &mut transposed, |first, count| {
                    let bytes = self.rows(first, count);
                    BlockRows::<K> { bytes, stride, row_len, kernel: PhantomData }
                });
            }
            for_each_row(&mut transposed, ROW_TILE * tokens, |tile, y| {
                let rows = self.rows(tile * ROW_TILE, y.len() / tokens);
                dispatch(TileTimesTokens::<K> { rows, row_len, x, y, kernel: PhantomData });
            });
        });
        super::transpose(&transposed, tokens, y);
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.in_features());
        K::Format::decode_row(self.tensor.view().row(index), out);
    }

    fn weight_bytes(&self) -> usize {
        self.tensor.bytes().len()
    }
}
