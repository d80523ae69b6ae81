//! Exact-match accuracy of a network that is being trained.

use crate::corpus::{Domain, Task};
use crate::network::Llama;
use crate::{TrainError, Vocabulary};
use domain_types::TokenId;

/// Share of held-out tasks that greedy decoding solves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Domain of the tasks.
    pub domain: Domain,
    /// Share of tasks whose whole answer is right, 0 to 1.
    pub exact: f64,
    /// Share of steps that are right together with all steps before them, 0 to 1.
    pub steps: f64,
}

/// Rows that go through the network together.
const ROWS: usize = 25;

/// Measures greedy decoding without decoding: where the right answer is the argmax at every one of its positions,
/// greedy decoding produces exactly it, and where not, it leaves it at the first miss.
pub(super) fn measure(
    network: &Llama,
    vocabulary: &Vocabulary,
    domain: Domain,
    tasks: &[Task],
) -> Result<Accuracy, TrainError> {
    let (mut exact, mut right, mut steps) = (0, 0, 0);
    for chunk in tasks.chunks(ROWS) {
        for (task, matched) in chunk.iter().zip(matching_prefixes(network, vocabulary, chunk)?) {
            let score = task.score(&task.expected()[..matched]);
            exact += usize::from(score.exact);
            right += score.steps_right;
            steps += score.steps;
        }
    }
    let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    Ok(Accuracy { domain, exact: share(exact, tasks.len()), steps: share(right, steps) })
}

/// For each task, how many bytes of the expected answer greedy decoding gets right.
fn matching_prefixes(
    network: &Llama,
    vocabulary: &Vocabulary,
    tasks: &[Task],
) -> Result<Vec<usize>, TrainError> {
    let end = vocabulary.end_of_text();
    let mut rows: Vec<Vec<TokenId>> = Vec::with_capacity(tasks.len());
    let mut answers: Vec<Vec<TokenId>> = Vec::with_capacity(tasks.len());
    for task in tasks {
        let answer = vocabulary.encode(task.expected())?;
        let mut row = vec![end];
        row.extend(vocabulary.encode(task.prompt())?);
        row.extend(&answer);
        rows.push(row);
        answers.push(answer);
    }
    let length = rows.iter().map(Vec::len).max().unwrap_or(1);
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    for row in &mut rows {
        row.resize(length, end);
    }
    let rows: Vec<&[TokenId]> = rows.iter().map(Vec::as_slice).collect();
    let best = network.logits(&rows).argmax(1).try_into_vec_as::<i32>();
    let best = best.map_err(|e| TrainError::Unsupported(e.to_string()))?;
    let prefixes = answers.iter().enumerate().map(|(i, answer)| {
        let first = i * length + lengths[i] - answer.len() - 1;
        let hits = answer.iter().zip(&best[first..]).take_while(|(want, got)| **want == **got as u32).count();
        vocabulary.decode(&answer[..hits]).map(|text| text.len())
    });
    prefixes.collect()
}
