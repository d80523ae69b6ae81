//! What Hugging Face's renderer adds to Jinja besides `tojson`.

use chrono::Local;
use chrono::format::{Item, StrftimeItems};
use minijinja::{Error, ErrorKind};

/// The function `strftime_now`: the local time, in the format of Python's `strftime`.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes arguments by value")]
pub(super) fn strftime_now(format: String) -> Result<String, Error> {
    let items: Vec<Item<'_>> = StrftimeItems::new(&format).collect();
    if items.contains(&Item::Error) {
        let reason = format!("strftime_now: `{format}` is no format of dates");
        return Err(Error::new(ErrorKind::InvalidOperation, reason));
    }
    Ok(Local::now().format_with_items(items.into_iter()).to_string())
}

/// The template without `{% generation %}` and `{% endgeneration %}`. They mark what training counts and print nothing;
/// what they say about white space is kept.
pub(super) fn without_generation(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{%") {
        let Some(end) = rest[start..].find("%}").map(|at| start + at) else { break };
        let tag = &rest[start + 2..end];
        let name = tag.trim_matches(['-', '+']).trim();
        let marked = match name {
            "generation" => Some(tag.replace("generation", "if true")),
            "endgeneration" => Some(tag.replace("endgeneration", "endif")),
            _ => None,
        };
        text.push_str(&rest[..start + 2]);
        text.push_str(marked.as_deref().unwrap_or(tag));
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comes_in_python_s_formats() {
        let year: u32 = strftime_now("%Y".into()).unwrap().parse().unwrap();
        assert!(year > 2024);
        let date = strftime_now("%d %b %Y, %A %H:%M:%S %%".into()).unwrap();
        assert!(date.ends_with(" %") && date.contains(", "), "{date}");
        assert!(strftime_now("%Q!".into()).is_err());
    }

    #[test]
    fn marks_of_training_go() {
        let template = "a {%- generation -%} b {% endgeneration %}c{% if x %}d{% endif %} {{ '%}' }}";
        let expected = "a {%- if true -%} b {% endif %}c{% if x %}d{% endif %} {{ '%}' }}";
        assert_eq!(without_generation(template), expected);
        assert_eq!(without_generation("{% open"), "{% open");
    }
}
