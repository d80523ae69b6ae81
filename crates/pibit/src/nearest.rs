//! Names that somebody may have meant.

/// How many are shown.
const SHOWN: usize = 3;

/// The names most like what was written, for the end of a message: `; nearest are a, b, c`.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(written, name);
    let mut all: Vec<(f64, &str)> = names.into_iter().map(|name| (likeness(name), name)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    all.dedup_by(|a, b| a.1 == b.1);
    let shown: Vec<&str> = all.iter().take(SHOWN).map(|(_, name)| *name).collect();
    if shown.is_empty() { String::new() } else { format!("; nearest are {}", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_names_come_first() {
        let names = ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "output.weight", "blk.0.attn_q.weight"];
        assert_eq!(
            nearest("blk.0.atn_q.weight", names),
            "; nearest are blk.0.attn_q.weight, blk.0.attn_k.weight, output.weight"
        );
        assert_eq!(nearest("x", []), "");
    }
}
