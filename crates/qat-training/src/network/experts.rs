//! A mixture of experts in place of a feed-forward layer (Shazeer et al. 2017, arXiv 1701.06538; Mixtral's form: the
//! softmax runs over the chosen experts).

use super::routing::{Choices, Routing};
use super::start::Start;
use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData, activation};
use domain_types::{ExpertsSpec, ModelSpec};

/// Matrices are stacked: `[experts, out, in]`.
#[derive(Module, Debug)]
pub(crate) struct Experts {
    /// `[experts, width]`.
    pub(super) router: Param<Tensor<2>>,
    pub(super) gate: Param<Tensor<3>>,
    pub(super) up: Param<Tensor<3>>,
    pub(super) down: Param<Tensor<3>>,
    #[module(skip)]
    top_k: usize,
}

impl Experts {
    pub(super) fn new(spec: &ModelSpec, experts: &ExpertsSpec, start: &mut Start<'_>) -> Self {
        let (width, ffn, count) = (spec.width, experts.ffn_width, experts.gating.experts());
        let deviation = (width as f32).sqrt().recip();
        let residual = (ffn as f32 * 2.0 * spec.layers as f32).sqrt().recip();
        Self {
            router: start.weights([count, width], 0.02),
            gate: start.weights([count, ffn, width], deviation),
            up: start.weights([count, ffn, width], deviation),
            down: start.weights([count, width, ffn], residual),
            top_k: experts.gating.top_k(),
        }
    }

    /// `x`: tokens × width.
    pub(super) fn forward(&self, x: Tensor<2>, routing: &mut Routing) -> Tensor<2> {
        let logits = x.clone().matmul(self.router.val().transpose());
        let choices = routing.choose(&logits, self.top_k);
        let ([tokens, width], [experts, ffn, _]) = (x.dims(), self.gate.val().dims());
        let slots = Slots::new(&choices, experts);
        let device = x.device();
        let ids =
            |ids: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(ids.to_vec(), [ids.len()]), &device);
        // Every expert gets as many rows as the busiest has tokens: one product of stacks instead of many small ones.
        let rows = x.select(0, ids(&slots.tokens)).reshape([experts, slots.rows, width]);
        let gate = activation::silu(rows.clone().matmul(self.gate.val().swap_dims(1, 2)));
        let inner: Tensor<3> = gate * rows.matmul(self.up.val().swap_dims(1, 2));
        debug_assert_eq!(inner.dims(), [experts, slots.rows, ffn]);
        let out = inner.matmul(self.down.val().swap_dims(1, 2)).reshape([experts * slots.rows, width]);
        let out = out.select(0, ids(&slots.places)).reshape([tokens, self.top_k, width]);
        let chosen = ids(&choices.experts).reshape([tokens, self.top_k]);
        let weights = activation::softmax(logits.gather(1, chosen), 1).reshape([tokens, self.top_k, 1]);
        (out * weights).sum_dim(1).reshape([tokens, width])
    }
}

/// Tokens sorted by expert.
struct Slots {
    /// Rows of each expert.
    rows: usize,
    /// Which token each row of each expert holds; rows without one hold token 0, and nobody looks at them.
    tokens: Vec<i32>,
    /// For each choice, its row among all rows.
    places: Vec<i32>,
}

impl Slots {
    fn new(choices: &Choices, experts: usize) -> Self {
        let mut counts = vec![0_usize; experts];
        let of_choice: Vec<usize> = choices
            .experts
            .iter()
            .map(|&expert| {
                counts[expert as usize] += 1;
                counts[expert as usize] - 1
            })
            .collect();
        let rows = counts.into_iter().max().unwrap_or(0);
        let mut tokens = vec![0; experts * rows];
        let mut places = Vec::with_capacity(of_choice.len());
        for (choice, (&expert, row)) in choices.experts.iter().zip(of_choice).enumerate() {
            let place = expert as usize * rows + row;
            tokens[place] = (choice / choices.top_k) as i32;
            places.push(place as i32);
        }
        Self { rows, tokens, places }
    }
}
