//! Which layers see a window only, as config.json says it.

use super::Config;
use crate::StoreError;
use crate::hf::family::{Family, Windows};
use crate::spec::windows::regular;
use domain_types::SlidingWindow;

/// The period of Gemma 3's global layers where config.json does not say.
const GEMMA_PATTERN: u32 = 6;

impl Config {
    pub(super) fn read_windows(&self, family: Family) -> Result<Option<SlidingWindow>, StoreError> {
        let asked = family.windows != Windows::Late || self.use_sliding_window == Some(true);
        let size = self.sliding_window.unwrap_or(family.defaults.sliding_window).filter(|_| asked);
        let windowed = self.windowed(family, size.is_some())?;
        if !windowed.contains(&true) {
            return Ok(None);
        }
        let Some(size) = size else {
            return Err(unsupported("layer_types with windows but without sliding_window"));
        };
        let pattern =
            regular(&windowed).ok_or_else(|| unsupported("this order of global and windowed layers"))?;
        Ok(Some(SlidingWindow { size: size as usize, pattern }))
    }

    /// Whether each layer is windowed.
    fn windowed(&self, family: Family, sized: bool) -> Result<Vec<bool>, StoreError> {
        let layers = self.num_hidden_layers;
        let by_family = |layer: u32| match family.windows {
            Windows::None => false,
            Windows::All => sized,
            Windows::Late => sized && layer >= self.max_window_layers.unwrap_or(28),
            Windows::Periodic => {
                let pattern = self.sliding_window_pattern.unwrap_or(GEMMA_PATTERN);
                pattern == 0 || !(layer + 1).is_multiple_of(pattern)
            }
        };
        let Some(types) = &self.layer_types else { return Ok((0..layers).map(by_family).collect()) };
        let listed: Vec<bool> = types.iter().map(|kind| windowed_kind(kind)).collect::<Result<_, _>>()?;
        if listed.len() != layers as usize {
            return Err(unsupported("a list layer_types of another length than num_hidden_layers"));
        }
        // transformers' Mistral does not read the list.
        if family.windows == Windows::All && listed.iter().any(|&w| w != sized) {
            return Err(unsupported("a Mistral model with layer_types"));
        }
        Ok(listed)
    }
}

fn windowed_kind(kind: &str) -> Result<bool, StoreError> {
    match kind {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(unsupported(&format!("layer type `{other}`"))),
    }
}

fn unsupported(what: &str) -> StoreError {
    let instead =
        "windows must be as in a Mistral, Qwen or Gemma 3 model, and global layers at a fixed period";
    StoreError::Unsupported { what: what.into(), instead: instead.into() }
}
