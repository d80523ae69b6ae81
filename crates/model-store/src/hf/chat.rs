//! The chat template: chat_template.jinja, chat_template.json (of models that also see images) or tokenizer_config.json.

use super::files::Files;
use super::json;
use crate::{StoreError, keys};
use domain_types::Metadata;
use serde_json::{Map, Value};

pub(super) fn describe(files: Files<'_>, metadata: &mut Metadata) -> Result<(), StoreError> {
    let mut template = json::text(files, "chat_template.jinja")?;
    if template.is_none() {
        let file: Option<Map<String, Value>> = json::read(files, "chat_template.json")?;
        template = file.and_then(|f| Some(default_template(f.get("chat_template")?)?.to_owned()));
    }
    if template.is_none() {
        let config: Option<Map<String, Value>> = json::read(files, "tokenizer_config.json")?;
        template = config.and_then(|c| Some(default_template(c.get("chat_template")?)?.to_owned()));
    }
    if let Some(template) = template {
        metadata.set(keys::CHAT_TEMPLATE, template);
    }
    Ok(())
}

/// The template, or the one named `default` of several.
fn default_template(value: &Value) -> Option<&str> {
    let named = || value.as_array()?.iter().find(|t| t["name"] == "default")?["template"].as_str();
    value.as_str().or_else(named)
}
