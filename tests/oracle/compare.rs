//! Comparing computed with expected values, field by field. Not: computing them.

use serde_json::{Value, json};

/// What is zero in exact arithmetic comes out of the oracle, and of doubles, as rounding noise. Only where the oracle's
/// own value is below this is noise compared with noise.
const NOISE: f64 = 1e-20;
/// The largest noise of a double: some units in the last place of 1.
const OUR_NOISE: f64 = 1e-14;
/// Probabilities below this are near the end of the doubles and compared by their logarithm, given beside them.
const SMALLEST_P: f64 = 1e-300;

/// Every field of `want` that `got` lacks or misses. A `null` in `want` is a value the oracle does not give.
pub(super) fn differences(want: &Value, got: &Value, rtol: f64) -> Vec<String> {
    let fields = want.as_object().expect("expected values have names");
    let of = |(name, want): (&String, &Value)| match got.get(name) {
        None => vec![format!("`{name}` is not computed")],
        Some(got) => field(name, want, got, rtol),
    };
    fields.iter().flat_map(of).collect()
}

/// A number as JSON; infinities by name, as the oracle spells them.
pub(super) fn number(value: f64) -> Value {
    if value.is_infinite() {
        return json!(if value > 0.0 { "inf" } else { "-inf" });
    }
    json!(value)
}

/// Numbers as JSON.
pub(super) fn numbers(values: &[f64]) -> Value {
    values.iter().copied().map(number).collect()
}

fn field(name: &str, want: &Value, got: &Value, rtol: f64) -> Vec<String> {
    match (want, got) {
        (Value::Null, _) => vec![],
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            let pairs = want.iter().zip(got);
            pairs
                .flat_map(|(want, got)| field(name, want, got, rtol))
                .collect()
        }
        (Value::Number(_), Value::Number(_)) if close(name, want, got, rtol) => vec![],
        (Value::String(_) | Value::Bool(_), _) if want == got => vec![],
        _ => vec![format!("`{name}` is {got}, not {want} (rtol {rtol:e})")],
    }
}

fn close(name: &str, want: &Value, got: &Value, rtol: f64) -> bool {
    if let (Some(want), Some(got)) = (want.as_u64(), got.as_u64()) {
        return want == got;
    }
    let value = |number: &Value| number.as_f64().expect("a JSON number is a double");
    let (want, got) = (value(want), value(got));
    let error = (want - got).abs();
    if name.starts_with("ln_") || name.starts_with("log10_") {
        return error <= rtol * want.abs().max(1.0);
    }
    let tail = name.starts_with("p_") || matches!(name, "p" | "sf" | "cdf");
    if tail && want < SMALLEST_P {
        return (0.0..=SMALLEST_P).contains(&got);
    }
    if want.abs() < NOISE && !tail {
        return got.abs() < OUR_NOISE;
    }
    error <= rtol * want.abs()
}
