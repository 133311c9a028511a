//! What a condition asked for and what the request has instead, in words.

use super::matching::values;
use super::{Condition, HeaderTest, Origin, Probe, Test, TextMatch, Vantage};
use crate::diag::Code;

/// What a condition asked for, and what the request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was asked for; `None` where only the manifest's own text says it.
    pub wanted: Option<String>,
    /// What there is.
    pub found: String,
}

impl Condition {
    /// What this condition asks for, beside what a request from somewhere has.
    #[must_use]
    pub fn mismatch(&self, probe: &Probe, vantage: &Vantage) -> Mismatch {
        let quoted = |text: &str| format!("`{text}`");
        let (wanted, found) = match &self.test {
            Test::Unknowable(caveat) if caveat.code == Code::DelegateConflict => (
                Some("a match within that of the delegating rule".to_owned()),
                "one outside".to_owned(),
            ),
            Test::Unknowable(_) if self.field == "delegate" => {
                (None, "no routes that apply".to_owned())
            }
            Test::Fixed(_) | Test::Assumed(_) | Test::Unknowable(_) => {
                (None, origin_text(&self.field, vantage))
            }
            Test::Path(wanted) => (Some(wanted.to_string()), quoted(&probe.normal_path())),
            Test::Method(wanted) => (Some(wanted.to_string()), quoted(&probe.method)),
            Test::Authority(wanted) => (Some(wanted.to_string()), quoted(&probe.authority)),
            Test::Scheme(wanted) => (Some(wanted.to_string()), quoted(&probe.scheme)),
            Test::Header(header) => (Some(asked(header)), sent(header, probe)),
            Test::Query { name, value } => {
                let found = probe.parameter(name);
                (
                    Some(value.to_string()),
                    found.map_or_else(|| "no such parameter".to_owned(), quoted),
                )
            }
            Test::NoQuery(name) => (
                Some("absent".to_owned()),
                probe.parameter(name).map_or_else(String::new, quoted),
            ),
            Test::Cookie {
                name,
                value,
                invert,
            } => {
                let wanted = if *invert {
                    format!("not {value}")
                } else {
                    value.to_string()
                };
                let found = probe.cookie(name);
                (
                    Some(wanted),
                    found.map_or_else(|| "no such cookie".to_owned(), quoted),
                )
            }
            Test::Fraction(fraction) => (Some(fraction.to_string()), "a random number".to_owned()),
        };
        Mismatch { wanted, found }
    }
}

/// What a condition on where the request comes from was compared with.
fn origin_text(field: &str, vantage: &Vantage) -> String {
    let last = field.rsplit('.').next().unwrap_or(field);
    match (last, &vantage.origin) {
        ("port", _) => vantage.port.map_or_else(
            || "a port that is not known".to_owned(),
            |port| format!("`{port}`"),
        ),
        ("gateways", Origin::Mesh { .. }) => "`mesh`".to_owned(),
        ("gateways", Origin::Gateway { namespace, name }) => format!("`{namespace}/{name}`"),
        ("sourceNamespace", Origin::Mesh { namespace, .. }) => namespace.as_ref().map_or_else(
            || "the namespace of the rule".to_owned(),
            |own| format!("`{own}`"),
        ),
        ("sourceNamespace", Origin::Gateway { namespace, .. }) => format!("`{namespace}`"),
        (
            "sourceLabels",
            Origin::Mesh {
                labels: Some(labels),
                ..
            },
        ) => {
            let pairs: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("`{}`", pairs.join(","))
        }
        ("sourceLabels", _) => "labels that are not known".to_owned(),
        _ => "something that requests do not decide".to_owned(),
    }
}

fn asked(header: &HeaderTest) -> String {
    match (&header.value, header.invert) {
        (TextMatch::Present, true) => "absent".to_owned(),
        (value, true) => format!("not {value}"),
        (value, false) => value.to_string(),
    }
}

fn sent(header: &HeaderTest, probe: &Probe) -> String {
    let found: Vec<String> = values(probe, &header.name)
        .map(|value| format!("`{value}`"))
        .collect();
    if found.is_empty() {
        "no such header".to_owned()
    } else {
        found.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Sources, Span};

    fn mismatch(test: Test, url: &str, vantage: &Vantage) -> (Option<String>, String) {
        let mut sources = Sources::new();
        let span = Span::new(sources.add("t", ""), 0..0);
        let field = "port".to_owned();
        let probe = Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL");
        let probe = Probe {
            headers: vec![
                ("x-a".to_owned(), "1".to_owned()),
                ("X-A".to_owned(), "2".to_owned()),
            ],
            ..probe
        };
        let condition = Condition { field, span, test };
        let Mismatch { wanted, found } = condition.mismatch(&probe, vantage);
        (wanted, found)
    }

    #[test]
    fn both_sides_are_named() {
        let mesh = Vantage::mesh(None, None);
        let header = |name: &str, value, without: bool| {
            Test::Header(if without {
                HeaderTest::without(name, value)
            } else {
                HeaderTest::with(name, value)
            })
        };
        for (test, wanted, found) in [
            (
                Test::Path(TextMatch::prefix("/api")),
                "prefix `/api`",
                "`/x`",
            ),
            (
                header("x-a", TextMatch::exact("3"), false),
                "exact `3`",
                "`1` and `2`",
            ),
            (
                header("x-b", TextMatch::Present, false),
                "present",
                "no such header",
            ),
            (
                header("x-a", TextMatch::Present, true),
                "absent",
                "`1` and `2`",
            ),
            (
                header("x-a", TextMatch::exact("1"), true),
                "not exact `1`",
                "`1` and `2`",
            ),
            (
                Test::Query {
                    name: "v".to_owned(),
                    value: TextMatch::exact("2"),
                },
                "exact `2`",
                "`1`",
            ),
            (
                Test::Query {
                    name: "w".to_owned(),
                    value: TextMatch::Present,
                },
                "present",
                "no such parameter",
            ),
        ] {
            let (asked, has) = mismatch(test, "http://h/a/../x?v=1", &mesh);
            assert_eq!((asked.as_deref(), has.as_str()), (Some(wanted), found));
        }
    }

    #[test]
    fn what_the_vantage_decides_is_compared_with_the_vantage() {
        let mesh = Vantage {
            port: Some(5000),
            ..Vantage::mesh(None, None)
        };
        let found = mismatch(Test::Fixed(false), "http://h/", &mesh);
        assert_eq!(found, (None, "`5000`".to_owned()));
    }
}
