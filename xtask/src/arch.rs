//! The architecture's one rule: a context depends on `domain-types` and never on another context.

use crate::sh;
use anyhow::{Result, bail};
use serde_json::Value;

/// The bounded contexts. Those that do not exist yet are named already, so that the rule waits for them.
const CONTEXTS: [&str; 7] = [
    "quant-core",
    "model-store",
    "inference",
    "qat-training",
    "moe-routing",
    "wasm-runtime",
    "observability",
];

/// The packages that may wire contexts.
const ROOTS: [&str; 3] = ["pibit", "pibit-web", "benches"];

pub(crate) fn run() -> Result<()> {
    let text = sh::output(&mut sh::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let violations = violations(&serde_json::from_str(&text)?);
    if !violations.is_empty() {
        bail!("architecture violations:\n  {}\nsee docs/architecture.md", violations.join("\n  "));
    }
    println!("architecture: contexts depend on domain-types only");
    Ok(())
}

/// Every forbidden edge in `cargo metadata`'s output; normal, dev and build dependencies alike.
fn violations(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if let Some(rule) = forbidden(name, on) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                found.push(format!("{name} -> {on} ({kind} dependency): {rule}"));
            }
        }
    }
    found
}

fn forbidden(package: &str, on: &str) -> Option<&'static str> {
    let is_context = |name: &str| CONTEXTS.contains(&name);
    let is_burn = on == "burn" || on.starts_with("burn-");
    match package {
        // A crate may test itself with more features than its default ones.
        _ if package == on => None,
        "domain-types" if is_context(on) || ROOTS.contains(&on) => Some("the kernel knows no context"),
        "xtask" if is_context(on) || ROOTS.contains(&on) => Some("xtask calls pibit, it does not link it"),
        _ if is_context(package) && is_context(on) => Some("a context never depends on another"),
        _ if is_context(package) && ROOTS.contains(&on) => {
            Some("a context never depends on a composition root")
        }
        _ if is_burn && package != "qat-training" => Some("only qat-training names burn"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn edges_between_contexts_are_found() {
        let metadata = json!({"packages": [
            {"name": "inference", "dependencies": [
                {"name": "domain-types", "kind": null}, {"name": "quant-core", "kind": "dev"},
                {"name": "inference", "kind": "dev"}]},
            {"name": "pibit", "dependencies": [{"name": "quant-core", "kind": null}]},
            {"name": "model-store", "dependencies": [{"name": "burn-ndarray", "kind": null}]},
        ]});
        let found = violations(&metadata);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("inference -> quant-core (dev dependency)"));
        assert!(found[1].starts_with("model-store -> burn-ndarray"));
    }
}
