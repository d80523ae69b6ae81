//! Which experts tokens go to while a mixture is trained, and what that costs.

mod memory;

use crate::random::Rng;
use crate::training::RoutingConfig;
use burn::tensor::{Tensor, TensorData, activation};
use memory::RowMemory;

/// The experts of each token, and how they were chosen.
pub(crate) struct Choices {
    /// Token after token, `top_k` each.
    pub(super) experts: Vec<i32>,
    pub(super) top_k: usize,
    /// 1 where an expert would have had to be loaded, in rows that minded memory: tokens × experts.
    absent: Option<Vec<f32>>,
}

/// One pass through all layers.
///
/// While training, rows of text are routed in one of two ways, each half of the time: by their logits, or as
/// Cache-Prior (arXiv 2412.00099) would with a small cache in front of them, so that the model knows both and the
/// experts that stand in for each other learn to. Either way noise is added to logits first.
pub(crate) struct Routing {
    config: RoutingConfig,
    rng: Option<Rng>,
    /// Tokens of a row.
    length: usize,
    losses: Vec<Tensor<1>>,
}

impl Routing {
    /// Top-k of the logits.
    pub(crate) fn standard(length: usize) -> Self {
        Self { config: RoutingConfig::default(), rng: None, length, losses: Vec::new() }
    }

    /// Routing of a training step on rows of `length` tokens, with `config` as it is at that step.
    pub(crate) fn training(config: RoutingConfig, length: usize, seed: u64, step: usize) -> Self {
        let rng = Rng::new(&[seed, 0x0072_6f75_7465, step as u64]);
        Self { config, rng: Some(rng), length, losses: Vec::new() }
    }

    /// The sum of the losses of all layers so far, where there are any.
    pub(crate) fn loss(self) -> Option<Tensor<1>> {
        self.losses.into_iter().reduce(|a, b| a + b)
    }

    /// Chooses for `logits`, tokens × experts.
    pub(super) fn choose(&mut self, logits: &Tensor<2>, top_k: usize) -> Choices {
        let [tokens, experts] = logits.dims();
        let values = logits.clone().detach().try_into_vec_as::<f32>().expect("logits are floats");
        let mut choices = Choices { experts: Vec::with_capacity(tokens * top_k), top_k, absent: None };
        for (row, values) in values.chunks(self.length * experts).enumerate() {
            self.choose_row(row * self.length, values, [tokens, experts], &mut choices);
        }
        if self.rng.is_some() {
            self.losses.push(self.config.loss(logits, &choices));
        }
        choices
    }

    fn choose_row(
        &mut self,
        first: usize,
        logits: &[f32],
        [tokens, experts]: [usize; 2],
        choices: &mut Choices,
    ) {
        let RoutingConfig { lambda, resident, noise, .. } = self.config;
        let rng = self.rng.as_mut().filter(|_| lambda > 0.0);
        let mut memory =
            rng.and_then(|rng| rng.chance(1, 2).then(|| RowMemory::new(experts, resident.min(experts), rng)));
        for (i, clean) in logits.chunks_exact(experts).enumerate() {
            let noisy: Vec<f32> = match &mut self.rng {
                Some(rng) if noise > 0.0 => clean.iter().map(|z| z + noise * rng.normal()).collect(),
                _ => clean.to_vec(),
            };
            let bonus = memory.as_mut().map(|memory| memory.bonus(clean, lambda));
            let chosen = pick(&noisy, bonus.as_deref(), choices.top_k);
            if let Some(memory) = &mut memory {
                let absent = choices.absent.get_or_insert_with(|| vec![0.0; tokens * experts]);
                memory.mark_absent(&mut absent[(first + i) * experts..(first + i + 1) * experts]);
                for &expert in &chosen {
                    memory.used(expert);
                }
            }
            choices.experts.extend(chosen.into_iter().map(|expert| expert as i32));
        }
    }
}

impl RoutingConfig {
    /// Switch's balance loss (Fedus et al. 2021, arXiv 2101.03961), the router's z-loss (Zoph et al. 2022, arXiv
    /// 2202.08906), and the probability that lies with experts that are not in memory.
    fn loss(&self, logits: &Tensor<2>, choices: &Choices) -> Tensor<1> {
        let ([tokens, experts], device) = (logits.dims(), logits.device());
        let probability = activation::softmax(logits.clone(), 1);
        let mut share = vec![0.0_f32; experts];
        for &expert in &choices.experts {
            share[expert as usize] += experts as f32 / choices.experts.len() as f32;
        }
        let share = Tensor::<2>::from_data(TensorData::new(share, [1, experts]), &device);
        let balance = (probability.clone().mean_dim(0) * share).sum().mul_scalar(self.balance);
        let log_sum = logits.clone().exp().sum_dim(1).log();
        let mut loss = balance + log_sum.square().mean().mul_scalar(self.z);
        if let Some(absent) = &choices.absent {
            let absent = Tensor::<2>::from_data(TensorData::new(absent.clone(), [tokens, experts]), &device);
            loss = loss + (probability * absent).sum().mul_scalar(self.memory / tokens as f32);
        }
        loss
    }
}

/// The greatest logit, then the greatest with their bonus.
fn pick(logits: &[f32], bonus: Option<&[f32]>, top_k: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::with_capacity(top_k);
    while chosen.len() < top_k {
        let kept = chosen.is_empty();
        let score = |e: usize| logits[e] + bonus.filter(|_| !kept).map_or(0.0, |b| b[e]);
        let rest = (0..logits.len()).filter(|e| !chosen.contains(e));
        let Some(best) = rest.max_by(|&a, &b| score(a).total_cmp(&score(b))) else { break };
        chosen.push(best);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn logits(values: &[f32], experts: usize) -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [values.len() / experts, experts]);
        Tensor::from_data(data, &Device::flex())
    }

    #[test]
    fn the_best_is_always_kept_and_bonuses_decide_the_rest() {
        assert_eq!(pick(&[1.0, 3.0, 2.0, 0.0], None, 2), [1, 2]);
        assert_eq!(pick(&[1.0, 3.0, 2.0, 0.0], Some(&[0.0, 0.0, 0.0, 9.0]), 2), [1, 3]);
        assert_eq!(pick(&[1.0, 3.0, 2.0, 0.0], Some(&[1.5, 0.0, 0.0, 0.0]), 3), [1, 0, 2]);
    }

    #[test]
    fn balance_costs_least_where_use_is_even() {
        let config = RoutingConfig { balance: 1.0, ..RoutingConfig::default() };
        let loss = |experts: Vec<i32>, values: &[f32]| {
            let choices = Choices { experts, top_k: 1, absent: None };
            config.loss(&logits(values, 2), &choices).into_scalar::<f32>()
        };
        let even = loss(vec![0, 1], &[4.0, 0.0, 0.0, 4.0]);
        let uneven = loss(vec![0, 0], &[4.0, 0.0, 4.0, 0.0]);
        assert!((even - 1.0).abs() < 1e-5, "E·Σ f·P of an even use is 1, not {even}");
        assert!(uneven > 1.9, "{uneven}");
    }

    #[test]
    fn memory_costs_what_lies_with_absent_experts() {
        let config = RoutingConfig { memory: 1.0, ..RoutingConfig::default() };
        let choices = Choices { experts: vec![0], top_k: 1, absent: Some(vec![0.0, 1.0]) };
        let loss = config.loss(&logits(&[0.0, 3_f32.ln()], 2), &choices).into_scalar::<f32>();
        assert!((loss - 0.75).abs() < 1e-5, "{loss}");
    }

    #[test]
    fn standard_routing_has_no_losses_and_training_repeats_itself() {
        let z = logits(&[0.1, 0.9, 0.5, 0.4, 0.3, 0.2], 3);
        let mut standard = Routing::standard(2);
        assert_eq!(standard.choose(&z, 2).experts, [1, 2, 0, 1]);
        assert!(standard.loss().is_none());
        let config = RoutingConfig { lambda: 0.5, noise: 1.0, resident: 1, ..RoutingConfig::default() };
        let choose = |step| Routing::training(config, 2, 1, step).choose(&z, 2).experts;
        assert_eq!(choose(3), choose(3));
        assert!((0..20).any(|step| choose(step) != choose(3)), "noise changes choices");
    }
}
