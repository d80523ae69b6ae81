//! Which tokens of a batch go to which expert.

use domain_types::ExpertChoice;

/// A token that wants an expert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wanted {
    expert: usize,
    /// Index within the batch.
    pub(super) token: usize,
    pub(super) weight: f32,
    /// [`ExpertChoice::before`].
    pub(super) before: f32,
}

/// All choices of a batch.
#[derive(Default)]
pub(super) struct Assignment {
    wanted: Vec<Wanted>,
}

impl Assignment {
    pub(super) fn clear(&mut self) {
        self.wanted.clear();
    }

    pub(super) fn push(&mut self, token: usize, chosen: &[ExpertChoice]) {
        let wanted =
            |c: &ExpertChoice| Wanted { expert: c.expert, token, weight: c.weight, before: c.before };
        self.wanted.extend(chosen.iter().map(wanted));
    }

    /// By expert, then by token: sums come out the same whatever is in memory.
    pub(super) fn sort(&mut self) {
        self.wanted.sort_unstable_by_key(|w| (w.expert, w.token));
    }

    /// Each expert that is wanted, once, with its tokens.
    pub(super) fn by_expert(&self) -> impl Iterator<Item = (usize, &[Wanted])> {
        self.wanted.chunk_by(|a, b| a.expert == b.expert).map(|tokens| (tokens[0].expert, tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expert_comes_once_with_all_its_tokens() {
        let choice = |expert| ExpertChoice { expert, weight: 0.5, before: 0.0 };
        let mut assignment = Assignment::default();
        assignment.push(0, &[choice(3), choice(1)]);
        assignment.push(1, &[choice(1), choice(0)]);
        assignment.sort();
        let seen: Vec<(usize, Vec<usize>)> =
            assignment.by_expert().map(|(e, t)| (e, t.iter().map(|w| w.token).collect())).collect();
        assert_eq!(seen, [(0, vec![1]), (1, vec![0, 1]), (3, vec![0])]);
    }
}
