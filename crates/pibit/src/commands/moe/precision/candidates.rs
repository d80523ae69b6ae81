//! Every expert in every format.

use super::Planned;
use super::rounded::{Expert, Rounded};
use crate::commands::moe::subject::Subject;
use crate::context::Context;
use crate::experts::{Matrices, expert_ids, with_experts};
use crate::quantize::Overlay;
use anyhow::Result;
use domain_types::ExpertRouter;
use moe_routing::precision::{ExpertDemand, FormatOption};
use moe_routing::routing::StandardRouter;
use moe_routing::trace::RoutingTrace;
use std::collections::BTreeMap;

/// What experts could be.
pub(super) struct Candidates {
    demands: Vec<ExpertDemand>,
    /// Of each expert, in the order of its demand's options: name and matrices.
    options: Vec<Vec<(String, Rounded)>>,
    weights: usize,
}

impl Candidates {
    /// Rounds all experts to all formats, and counts how often the model's own routing uses them.
    pub(super) fn round(context: &Context, subject: &Subject<'_>, formats: &[String]) -> Result<Self> {
        let size = subject.trace.size();
        let frequencies = frequencies(&subject.trace)?;
        let bar = context.progress.bar("round", (size.layers() * size.experts()) as u64);
        let (mut demands, mut options, mut weights) = (Vec::new(), Vec::new(), 0);
        for (index, id) in expert_ids(size).enumerate() {
            let expert = Expert::of(&*subject.source, size, id)?;
            weights += expert.weights();
            let round = |name: &String| Ok((name.clone(), expert.round(context, name)?));
            let mut all = formats.iter().map(round).collect::<Result<Vec<_>>>()?;
            // The order of a demand's options.
            all.sort_by(|(_, a), (_, b)| a.bytes.cmp(&b.bytes).then(a.error.total_cmp(&b.error)));
            let option = |r: &Rounded| FormatOption { bytes: r.bytes, bits: r.bits, error: r.error };
            let of_demand = all.iter().map(|(_, rounded)| option(rounded)).collect();
            demands.push(ExpertDemand::new(index, frequencies[index], of_demand)?);
            options.push(all);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Self { demands, options, weights })
    }

    pub(super) fn demands(&self) -> &[ExpertDemand] {
        &self.demands
    }

    pub(super) fn bytes_in_f16(&self) -> u64 {
        2 * self.weights as u64
    }

    /// The best single format that fits.
    pub(super) fn uniform(&self, budget: u64) -> Option<(String, Vec<usize>)> {
        let count = self.options.first()?.len();
        let plans = (0..count).map(|choice| vec![choice; self.options.len()]);
        let fits = plans.filter(|choices| self.spent(choices).0 <= budget);
        let best = fits.min_by(|a, b| self.spent(a).1.total_cmp(&self.spent(b).1))?;
        Some((self.options[0][best[0]].0.clone(), best))
    }

    /// Bytes and cost of a choice for each expert.
    pub(super) fn spent(&self, choices: &[usize]) -> (u64, f64) {
        let chosen =
            || self.demands.iter().zip(choices).map(|(demand, &choice)| (demand, demand.options()[choice]));
        let bytes = chosen().map(|(_, option)| option.bytes).sum();
        (bytes, chosen().map(|(demand, option)| demand.frequency() * option.error).sum())
    }

    /// How many experts have each format.
    pub(super) fn count(&self, choices: &[usize]) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for (options, &choice) in self.options.iter().zip(choices) {
            *count.entry(options[choice].0.clone()).or_default() += 1;
        }
        count
    }

    /// What each expert gets.
    pub(super) fn planned(&self, choices: &[usize], experts: usize) -> Vec<Planned> {
        let planned = |index: usize| Planned {
            layer: index / experts,
            expert: index % experts,
            frequency: self.demands[index].frequency(),
            format: self.options[index][choices[index]].0.clone(),
        };
        (0..self.options.len()).map(planned).collect()
    }

    /// The model with these choices.
    pub(super) fn applied<'a>(&self, subject: &'a Subject<'_>, choices: &[usize]) -> Result<Overlay<'a>> {
        let of = |(options, &choice): (&Vec<(String, Rounded)>, &usize)| options[choice].1.matrices.clone();
        let chosen: Vec<Matrices> = self.options.iter().zip(choices).map(of).collect();
        let experts = subject.trace.size().experts();
        let layers: Vec<_> = chosen.chunks(experts).map(<[Matrices]>::to_vec).collect();
        with_experts(&*subject.source, &layers)
    }
}

/// Share of tokens that use each expert, layer after layer.
fn frequencies(trace: &RoutingTrace) -> Result<Vec<f64>> {
    let size = trace.size();
    let mut router = StandardRouter::new(trace.header().gating());
    let resident = vec![true; size.experts()];
    let (mut uses, mut chosen) = (vec![0_u64; size.layers() * size.experts()], Vec::new());
    for token in 0..trace.tokens() {
        for layer in 0..size.layers() {
            router.route(layer, trace.logits(token, layer), &resident, &mut chosen)?;
            for choice in &chosen {
                uses[layer * size.experts() + choice.expert] += 1;
            }
        }
    }
    let tokens = trace.tokens().max(1) as f64;
    Ok(uses.into_iter().map(|count| count as f64 / tokens).collect())
}
