//! Position embedding in config.json, by the rules of transformers' `modeling_rope_utils`.

use super::Config;
use crate::StoreError;
use crate::hf::family::Family;
use crate::spec::rope::yarn_magnitude;
use domain_types::Yarn;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Position embedding, from whichever of its places in config.json.
#[derive(Debug, Clone)]
pub(in crate::hf) struct Rope {
    pub(in crate::hf) theta: f32,
    /// Base of windowed layers.
    pub(in crate::hf) local_theta: f32,
    pub(in crate::hf) kind: RopeKind,
}

/// Context extension.
#[derive(Debug, Clone)]
pub(in crate::hf) enum RopeKind {
    Default,
    Linear(f32),
    Yarn(Yarn),
    Llama3(Llama3),
}

/// Frequencies by wavelength: long ones divided by a factor, short ones kept.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(in crate::hf) struct Llama3 {
    pub(in crate::hf) factor: f32,
    pub(in crate::hf) low_freq_factor: f32,
    pub(in crate::hf) high_freq_factor: f32,
    #[serde(default)]
    pub(in crate::hf) original_max_position_embeddings: u32,
}

/// The fields of all types. Those of another type than the one asked for have no effect, as in transformers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    rope_theta: Option<f32>,
    rope_type: Option<String>,
    r#type: Option<String>,
    factor: Option<f32>,
    original_max_position_embeddings: Option<u32>,
    partial_rotary_factor: Option<f32>,
    low_freq_factor: Option<f32>,
    high_freq_factor: Option<f32>,
    attention_factor: Option<f32>,
    beta_fast: Option<f32>,
    beta_slow: Option<f32>,
    mscale: Option<f32>,
    mscale_all_dim: Option<f32>,
    truncate: Option<bool>,
    /// Nothing reads it.
    #[serde(rename = "finetuned")]
    _finetuned: Option<bool>,
}

impl Config {
    pub(super) fn read_rope(&self, family: Family) -> Result<Rope, StoreError> {
        let theta = self.rope_theta.unwrap_or(family.defaults.rope_theta);
        let (global, local) = if family.gemma { self.by_layer_type()? } else { (self.for_all()?, None) };
        let local_theta = self.rope_local_base_freq.unwrap_or(10_000.0);
        if local.as_ref().is_some_and(|fields| fields.rope_type.as_deref().unwrap_or("default") != "default")
        {
            return Err(unsupported("a scaled rope_parameters.sliding_attention"));
        }
        Ok(Rope {
            theta: global.rope_theta.unwrap_or(theta),
            local_theta: local.and_then(|fields| fields.rope_theta).unwrap_or(local_theta),
            kind: self.kind(&global, family)?,
        })
    }

    /// `rope_scaling` is the old name and wins, as in transformers.
    fn for_all(&self) -> Result<Fields, StoreError> {
        let old = self.rope_scaling.as_ref().filter(|fields| !fields.is_empty());
        let fields = old.or(self.rope_parameters.as_ref());
        let fields = fields.map_or(Ok(Fields::default()), |fields| parse("rope_parameters", fields))?;
        fields.agreeing()
    }

    /// Fields of global and of windowed layers. `rope_scaling` is for global ones.
    fn by_layer_type(&self) -> Result<(Fields, Option<Fields>), StoreError> {
        let mut parts = [Map::new(), Map::new()];
        for (kind, value) in self.rope_parameters.iter().flatten() {
            let part = match kind.as_str() {
                "full_attention" => &mut parts[0],
                "sliding_attention" => &mut parts[1],
                other => return Err(unsupported(&format!("`rope_parameters.{other}` in a Gemma 3 model"))),
            };
            match value {
                Value::Null => {}
                Value::Object(fields) => part.clone_from(fields),
                _ => return Err(unsupported(&format!("`rope_parameters.{kind}` that is no object"))),
            }
        }
        let [mut global, local] = parts;
        if let Some(scaling) = &self.rope_scaling {
            global.extend(scaling.clone());
        }
        let global = parse("rope_parameters", &global)?.agreeing()?;
        if global.rope_type.is_none() && global.r#type.as_deref().is_some_and(|kind| kind != "default") {
            // transformers computes unscaled positions then.
            return Err(unsupported("rope_scaling with `type` but without `rope_type` in a Gemma 3 model"));
        }
        Ok((global, Some(parse("rope_parameters.sliding_attention", &local)?.agreeing()?)))
    }

    fn kind(&self, fields: &Fields, family: Family) -> Result<RopeKind, StoreError> {
        let context = self.context_length(family);
        // transformers prefers the field outside.
        let original = self.original_max_position_embeddings.or(fields.original_max_position_embeddings);
        let original = original.unwrap_or(context);
        let need = |value: Option<f32>, name: &str| {
            value.ok_or_else(|| StoreError::missing(format!("rope_scaling.{name}")))
        };
        match fields.kind() {
            "default" => Ok(RopeKind::Default),
            "linear" => Ok(RopeKind::Linear(need(fields.factor, "factor")?)),
            "llama3" => Ok(RopeKind::Llama3(Llama3 {
                factor: need(fields.factor, "factor")?,
                low_freq_factor: need(fields.low_freq_factor, "low_freq_factor")?,
                high_freq_factor: need(fields.high_freq_factor, "high_freq_factor")?,
                original_max_position_embeddings: original,
            })),
            "yarn" => Ok(RopeKind::Yarn(fields.yarn(context, original))),
            other => Err(unsupported(&format!("RoPE scaling `{other}`"))),
        }
    }
}

impl Fields {
    fn kind(&self) -> &str {
        self.rope_type.as_deref().or(self.r#type.as_deref()).unwrap_or("default")
    }

    /// Refuses two names of the type that say different things, and what no type here has.
    fn agreeing(self) -> Result<Self, StoreError> {
        match (&self.r#type, &self.rope_type) {
            (Some(old), Some(new)) if old != new => {
                Err(unsupported(&format!("rope_scaling with type `{old}` and rope_type `{new}`")))
            }
            _ if self.partial_rotary_factor.is_some_and(|f| f != 1.0) => {
                Err(unsupported("partial rotary embedding"))
            }
            _ => Ok(self),
        }
    }

    fn yarn(&self, context: u32, original: u32) -> Yarn {
        let factor = self.factor.unwrap_or(context as f32 / original as f32);
        let given = |value: Option<f32>| value.filter(|&x| x != 0.0);
        let by_scale = |scale: f32| yarn_magnitude(factor.into(), scale.into());
        let magnitude = match (self.attention_factor, given(self.mscale), given(self.mscale_all_dim)) {
            (Some(given), ..) => given.into(),
            (None, Some(scale), Some(all)) => by_scale(scale) / by_scale(all),
            _ => by_scale(1.0),
        };
        let paper = Yarn::new(factor, original as usize, magnitude as f32);
        Yarn {
            beta_fast: given(self.beta_fast).unwrap_or(paper.beta_fast),
            beta_slow: given(self.beta_slow).unwrap_or(paper.beta_slow),
            truncate: self.truncate.unwrap_or(paper.truncate),
            ..paper
        }
    }
}

fn parse(name: &str, fields: &Map<String, Value>) -> Result<Fields, StoreError> {
    // `null` is as good as absent, for fields that are not known as well.
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let fields: Map<String, Value> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
    let kind = fields.get("rope_type").or(fields.get("type")).and_then(Value::as_str).unwrap_or("default");
    if !["default", "linear", "yarn", "llama3"].contains(&kind) {
        return Err(unsupported(&format!("RoPE scaling `{kind}`")));
    }
    serde_json::from_value(Value::Object(fields)).map_err(|e| unsupported(&format!("`{name}`: {e}; this")))
}

fn unsupported(what: &str) -> StoreError {
    let instead = "default, linear, yarn and llama3 scaling are".into();
    StoreError::Unsupported { what: what.into(), instead }
}
