//! Exact-match accuracy on the corpus' held-out problems.

use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::stage;
use anyhow::{Context as _, Result};
use domain_types::TokenModel;
use inference::{GenerateOptions, Sampler, SamplerOptions, generate};
use qat_training::corpus::{Corpus, Domain, Task};
use serde::Serialize;
use std::ops::ControlFlow;

/// Seed of the problems.
const TASK_SEED: u64 = 0;

/// Accuracy on one domain.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskAccuracy {
    pub(crate) domain: &'static str,
    /// Share of problems whose whole answer is right.
    pub(crate) accuracy: f64,
    pub(crate) correct: usize,
    pub(crate) problems: usize,
    /// 95% confidence interval of the accuracy (Wilson).
    pub(crate) interval: [f64; 2],
    /// Share of steps that are right, counted up to the first mistake of an answer.
    pub(crate) step_accuracy: f64,
}

/// Answers `problems` held-out problems of each domain greedily.
pub(crate) fn measure_tasks(
    context: &Context,
    model: &mut LoadedModel,
    domains: &[Domain],
    problems: usize,
) -> Result<Vec<TaskAccuracy>> {
    let bar = context.progress.bar("tasks", (domains.len() * problems) as u64);
    let mut results = Vec::with_capacity(domains.len());
    for &domain in domains {
        let _span = stage::task(domain.name(), problems).entered();
        bar.set_message(domain.name());
        let (mut correct, mut steps_right, mut steps) = (0, 0, 0);
        for task in Corpus::new(TASK_SEED).tasks(domain, problems) {
            let answer = answer(model, &task).with_context(|| format!("a problem of domain {domain}"))?;
            let score = task.score(&answer);
            correct += usize::from(score.exact);
            steps_right += score.steps_right;
            steps += score.steps;
            bar.inc(1);
        }
        results.push(TaskAccuracy {
            domain: domain.name(),
            accuracy: correct as f64 / problems as f64,
            correct,
            problems,
            interval: wilson(correct, problems),
            step_accuracy: steps_right as f64 / steps.max(1) as f64,
        });
    }
    bar.finish_and_clear();
    Ok(results)
}

fn answer(model: &mut LoadedModel, task: &Task) -> Result<String> {
    let prompt = model.prompt_tokens(task.prompt())?;
    // A right answer has as many tokens as the expected one, and an end.
    let expected = model.tokenizer.encode(task.expected(), false)?.len();
    let options = GenerateOptions { max_tokens: expected + 1, ..GenerateOptions::default() };
    let mut sampler = Sampler::new(SamplerOptions::greedy())?;
    model.transformer.reset();
    let ignore = &mut |_: &str| ControlFlow::Continue(());
    let generation =
        generate(&mut model.transformer, &*model.tokenizer, &prompt, &mut sampler, &options, ignore)?;
    model.transformer.reset();
    Ok(generation.text)
}

/// Wilson's score interval at 95% (Wilson 1927): sound for shares near 0 and 1 too.
fn wilson(correct: usize, problems: usize) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let (n, p) = (problems as f64, correct as f64 / problems as f64);
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn intervals_are_the_published_ones() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
        let close = |[a, b]: [f64; 2], [c, d]: [f64; 2]| (a - c).abs() < 5e-5 && (b - d).abs() < 5e-5;
        assert!(close(wilson(81, 263), [0.2553, 0.3662]));
        assert!(close(wilson(15, 148), [0.0624, 0.1605]));
        assert!(close(wilson(0, 20), [0.0, 0.1611]));
    }
}
