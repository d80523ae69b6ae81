//! Jinja's `tojson` as Hugging Face's renderer has it: Python's `json.dumps` with `ensure_ascii=False`, which writes a
//! space after `,` and `:` and escapes nothing for HTML. Models were trained on exactly this text.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io;

/// The widest `indent` that a template may ask for.
const WIDEST_INDENT: usize = 16;

/// The filter `tojson`, with Python's `indent`.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes keyword arguments by value")]
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let text = match indent {
        None => write(value, Spaced),
        Some(n) => write(value, PrettyFormatter::with_indent(" ".repeat(n.min(WIDEST_INDENT)).as_bytes())),
    };
    text.map(Value::from_safe_string)
        .map_err(|e| Error::new(ErrorKind::BadSerialization, "tojson").with_source(e))
}

fn write(value: &Value, formatter: impl Formatter) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(String::from_utf8(bytes).expect("serde_json writes UTF-8"))
}

/// Separators of `json.dumps` without `indent`.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
