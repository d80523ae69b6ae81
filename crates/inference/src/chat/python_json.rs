//! Jinja's `tojson` as Hugging Face's renderer has it: Python's `json.dumps` with `ensure_ascii=False`, which writes a
//! space after `,` and `:` and escapes nothing for HTML. Models were trained on exactly this text.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io;

/// The widest `indent` that a template may ask for.
const WIDEST_INDENT: usize = 16;

/// The filter `tojson`, with the keywords `ensure_ascii`, `indent`, `separators` and `sort_keys` of `json.dumps`.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes keyword arguments by value")]
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let formatter = Python::new(&options)?;
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let refuse = |e: serde_json::Error| Error::new(ErrorKind::BadSerialization, "tojson").with_source(e);
    let text = if sort_keys {
        let sorted = sorted(serde_json::to_value(value).map_err(refuse)?);
        write(&sorted, formatter)
    } else {
        write(value, formatter)
    };
    text.map(Value::from_safe_string).map_err(refuse)
}

fn write(value: &impl Serialize, formatter: Python) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(String::from_utf8(bytes).expect("serde_json writes UTF-8"))
}

/// The value with the keys of every object in order.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::Value::Object(entries.into_iter().collect())
        }
        serde_json::Value::Array(list) => serde_json::Value::Array(list.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The text of `json.dumps`.
struct Python {
    item: String,
    key: String,
    /// Spaces per level, `None` for all on one line.
    indent: Option<usize>,
    ensure_ascii: bool,
    level: usize,
    has_value: bool,
}

impl Python {
    fn new(options: &Kwargs) -> Result<Self, Error> {
        let indent: Option<usize> = options.get("indent")?;
        let ensure_ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
        let separators: Option<Value> = options.get("separators")?;
        let (item, key) = match separators.filter(|value| !value.is_none()) {
            Some(pair) => separator_pair(&pair)?,
            None if indent.is_some() => (",".into(), ": ".into()),
            None => (", ".into(), ": ".into()),
        };
        let indent = indent.map(|n| n.min(WIDEST_INDENT));
        Ok(Self { item, key, indent, ensure_ascii, level: 0, has_value: false })
    }

    fn line(&self, out: &mut (impl ?Sized + io::Write)) -> io::Result<()> {
        match self.indent {
            None => Ok(()),
            Some(spaces) => write!(out, "\n{:1$}", "", spaces * self.level),
        }
    }

    fn open(&mut self, out: &mut (impl ?Sized + io::Write), bracket: &str) -> io::Result<()> {
        self.level += 1;
        self.has_value = false;
        out.write_all(bracket.as_bytes())
    }

    fn next(&mut self, out: &mut (impl ?Sized + io::Write), first: bool) -> io::Result<()> {
        if !first {
            out.write_all(self.item.as_bytes())?;
        }
        self.line(out)
    }

    fn close(&mut self, out: &mut (impl ?Sized + io::Write), bracket: &str) -> io::Result<()> {
        self.level -= 1;
        if self.has_value {
            self.line(out)?;
        }
        self.has_value = true;
        out.write_all(bracket.as_bytes())
    }
}

fn separator_pair(pair: &Value) -> Result<(String, String), Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, "tojson: separators must be two strings");
    if pair.kind() != ValueKind::Seq || pair.len() != Some(2) {
        return Err(wrong());
    }
    let text = |at: usize| pair.get_item_by_index(at)?.as_str().map(str::to_owned).ok_or_else(wrong);
    Ok((text(0)?, text(1)?))
}

impl Formatter for Python {
    /// Python writes exponents with a sign and two digits.
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        let text = format!("{value:?}");
        match text.split_once('e') {
            None => out.write_all(text.as_bytes()),
            Some((digits, exponent)) => {
                let (sign, size) = exponent.strip_prefix('-').map_or(('+', exponent), |size| ('-', size));
                write!(out, "{}e{sign}{size:0>2}", digits.strip_suffix(".0").unwrap_or(digits))
            }
        }
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        if !self.ensure_ascii {
            return out.write_all(text.as_bytes());
        }
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() && byte != 0x7F => out.write_all(&[byte])?,
                Ok(0x7F) => out.write_all(&[0x7F])?,
                _ => write!(out, "\\u{unit:04x}")?,
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let text = match escape {
            CharEscape::Quote => "\\\"",
            CharEscape::ReverseSolidus => "\\\\",
            CharEscape::Solidus => "/",
            CharEscape::Backspace => "\\b",
            CharEscape::FormFeed => "\\f",
            CharEscape::LineFeed => "\\n",
            CharEscape::CarriageReturn => "\\r",
            CharEscape::Tab => "\\t",
            CharEscape::AsciiControl(byte) => return write!(out, "\\u{byte:04x}"),
        };
        out.write_all(text.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, "{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, "}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(self.key.as_bytes())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}
