//! Which parts of a network compute in a rotated basis.

use crate::{DomainError, Metadata};
use alloc::format;
use alloc::string::String;

/// What was rotated when a model was made incoherent (QuaRot, arXiv:2404.00456), so that a runtime can compute what the
/// original does.
///
/// A rotation of width n = m·2^p, m odd, is R = (C ⊗ H)·S. S negates entry i where bit i mod 64 of output ⌊i/64⌋ of
/// SplitMix64, started from the seed, is set. H is the Hadamard matrix of 2^p, H\[i\]\[j\] = (−1)^popcount(i AND j)/√2^p.
/// C is the Hartley matrix of m, C\[i\]\[j\] = (cos 2πij/m + sin 2πij/m)/√m. Entry i of a vector is entry i mod 2^p of
/// block ⌊i/2^p⌋. This is version 1; files depend on it, so it never changes.
///
/// Each part has a seed of its own: [`seed`](Self::seed) and the four numbers after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[expect(clippy::struct_excessive_bools, reason = "each part is rotated or not")]
pub struct RotationSpec {
    /// What all signs are made from.
    pub seed: u64,
    /// Whether the residual stream between embedding and output norm is h′ = R·h. A runtime rotates embeddings and
    /// rotates back before the output norm; weights hold the rest.
    pub residual: bool,
    /// Whether what q, k, v and what gate, up read is x′ = R·x, behind its norm; both have the same R. A runtime rotates
    /// it.
    pub inputs: bool,
    /// Whether rows of embedding and output head are e′ = R·e. A runtime rotates what it looks up back, and rotates what
    /// the head reads.
    pub ends: bool,
    /// Whether each value head is v′ = R·v. Weights hold all of it: a runtime has nothing to do.
    pub heads: bool,
    /// Whether the input of each down projection is x′ = R·x. A runtime rotates it.
    pub feed_forward: bool,
}

/// Metadata keys.
mod key {
    pub(super) const PREFIX: &str = "pibit.rotation.";
    pub(super) const VERSION: &str = "pibit.rotation.version";
    pub(super) const SEED: &str = "pibit.rotation.seed";
    pub(super) const RESIDUAL: &str = "pibit.rotation.residual";
    pub(super) const INPUTS: &str = "pibit.rotation.inputs";
    pub(super) const ENDS: &str = "pibit.rotation.ends";
    pub(super) const HEADS: &str = "pibit.rotation.heads";
    pub(super) const FEED_FORWARD: &str = "pibit.rotation.feed_forward";
}

impl RotationSpec {
    /// The version that this type describes.
    pub const VERSION: u32 = 1;

    /// The inputs of all linear layers rotated, the residual stream not: what costs little and keeps most.
    pub fn full(seed: u64) -> Self {
        Self { seed, residual: false, inputs: true, ends: true, heads: true, feed_forward: true }
    }

    /// Rows of embedding and output head rotated, and nothing else: layers stay as they are.
    pub fn ends(seed: u64) -> Self {
        Self { inputs: false, heads: false, feed_forward: false, ..Self::full(seed) }
    }

    /// Seed of the residual stream's rotation, as wide as the model.
    pub fn residual_seed(&self) -> u64 {
        self.seed
    }

    /// Seed of the heads' rotation, as wide as a head; all heads have the same.
    pub fn heads_seed(&self) -> u64 {
        self.seed.wrapping_add(1)
    }

    /// Seed of the rotation of down projections' inputs.
    pub fn feed_forward_seed(&self) -> u64 {
        self.seed.wrapping_add(2)
    }

    /// Seed of the rotation of what q, k, v and gate, up read, as wide as the model.
    pub fn inputs_seed(&self) -> u64 {
        self.seed.wrapping_add(3)
    }

    /// Seed of the rotation of rows of embedding and output head, as wide as the model.
    pub fn ends_seed(&self) -> u64 {
        self.seed.wrapping_add(4)
    }

    /// What a model's metadata (`pibit.rotation.*`) says; `None` where nothing is rotated. An error where keys are
    /// damaged, or of a version that this program does not know.
    pub fn read(metadata: &Metadata) -> Result<Option<Self>, DomainError> {
        if !metadata.iter().any(|(name, _)| name.starts_with(key::PREFIX)) {
            return Ok(None);
        }
        let wrong = |name: &str, what: &str| DomainError::BadSpec(format!("metadata key {name} {what}"));
        match metadata.u64(key::VERSION) {
            Some(version) if version == u64::from(Self::VERSION) => {}
            Some(version) => {
                let what: String =
                    format!("is {version}; this program knows version {}, use a newer one", Self::VERSION);
                return Err(wrong(key::VERSION, &what));
            }
            None => return Err(wrong(key::VERSION, "is missing or no number; quantize the model again")),
        }
        let flag = |name| {
            metadata
                .bool(name)
                .ok_or_else(|| wrong(name, "is missing or no truth value; quantize the model again"))
        };
        let seed = metadata.u64(key::SEED);
        Ok(Some(Self {
            seed: seed
                .ok_or_else(|| wrong(key::SEED, "is missing or no number; quantize the model again"))?,
            residual: flag(key::RESIDUAL)?,
            inputs: flag(key::INPUTS)?,
            ends: flag(key::ENDS)?,
            heads: flag(key::HEADS)?,
            feed_forward: flag(key::FEED_FORWARD)?,
        }))
    }

    /// Sets the metadata keys that [`read`](Self::read) reads.
    pub fn write(&self, metadata: &mut Metadata) {
        metadata.set(key::VERSION, Self::VERSION);
        metadata.set(key::SEED, self.seed);
        metadata.set(key::RESIDUAL, self.residual);
        metadata.set(key::INPUTS, self.inputs);
        metadata.set(key::ENDS, self.ends);
        metadata.set(key::HEADS, self.heads);
        metadata.set(key::FEED_FORWARD, self.feed_forward);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn metadata_says_what_was_written() {
        let mut metadata = Metadata::new();
        assert_eq!(RotationSpec::read(&metadata), Ok(None));
        let spec = RotationSpec { heads: false, ..RotationSpec::full(u64::MAX) };
        spec.write(&mut metadata);
        assert_eq!(RotationSpec::read(&metadata), Ok(Some(spec)));
        let seeds = [spec.residual_seed(), spec.heads_seed(), spec.feed_forward_seed(), spec.inputs_seed()];
        assert_eq!(seeds, [u64::MAX, 0, 1, 2]);
    }

    #[test]
    fn damaged_or_newer_metadata_is_refused() {
        for name in
            [key::VERSION, key::SEED, key::RESIDUAL, key::INPUTS, key::ENDS, key::HEADS, key::FEED_FORWARD]
        {
            let mut metadata = Metadata::new();
            RotationSpec::full(7).write(&mut metadata);
            metadata.set(name, "x");
            let error = RotationSpec::read(&metadata).expect_err("no text is right").to_string();
            assert!(error.contains(name), "{error}");
        }
        let mut metadata = Metadata::new();
        RotationSpec::full(7).write(&mut metadata);
        metadata.set(key::VERSION, 2_u32);
        let error = RotationSpec::read(&metadata).expect_err("not known").to_string();
        assert!(error.contains("use a newer one"), "{error}");
    }
}
