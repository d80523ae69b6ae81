//! Figures as text.

/// `value` with so many digits after the point, and a comma between thousands from 10,000 on.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    let text = format!("{value:.decimals$}");
    let digits_end = text.find('.').unwrap_or(text.len());
    let digits_start = usize::from(text.starts_with('-'));
    if digits_end - digits_start < 5 {
        return text;
    }
    let mut grouped = text[..digits_start].to_owned();
    for (i, digit) in text[digits_start..digits_end].chars().enumerate() {
        if i > 0 && (digits_end - digits_start - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + &text[digits_end..]
}

/// `value` with up to `significant` digits and no trailing zeros: for ticks and cells of a heat map.
pub(crate) fn tick(value: f64, significant: usize) -> String {
    if !value.is_finite() {
        return special(value).to_owned();
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if !(-4..7).contains(&magnitude) {
        let text = format!("{value:.*e}", significant.saturating_sub(1));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trim(mantissa));
    }
    let decimals = (significant as i32 - 1 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    let text = trim(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn special(value: f64) -> &'static str {
    match (value.is_nan(), value > 0.0) {
        (true, _) => "NaN",
        (false, true) => "∞",
        (false, false) => "-∞",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_groups_thousands() {
        let cases = [
            (26.9265, 3, "26.927"),
            (9999.0, 0, "9999"),
            (10000.0, 0, "10,000"),
            (-1234567.25, 1, "-1,234,567.2"),
            (98362432.0, 0, "98,362,432"),
            (999999.96, 1, "1,000,000.0"),
            (f64::NAN, 2, "NaN"),
            (f64::NEG_INFINITY, 2, "-∞"),
        ];
        for (value, decimals, text) in cases {
            assert_eq!(fixed(value, decimals), text);
        }
    }

    #[test]
    fn ticks_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (1500.0, "1500"),
            (2.5e-7, "2.5e-7"),
            (1.25e6, "1250000"),
            (3e7, "3e7"),
            (-14.25, "-14.25"),
        ];
        for (value, text) in cases {
            assert_eq!(tick(value, 6), text);
        }
        assert_eq!(tick(0.03714, 2), "0.037");
    }
}
