//! The conditions of an HTTP route: one item of `match`.

use std::collections::BTreeMap;

use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Entry, Node, Scalar, Value};
use crate::route::{AppliesTo, Condition, HeaderTest, Test, TextMatch};

/// One item of `match`: all of its fields must hold.
#[derive(Clone, Debug)]
pub struct HttpMatch {
    /// Where it begins.
    pub span: Span,
    /// What it asks of the request.
    pub conditions: Vec<Condition>,
    /// The port that must be dialled.
    pub port: Option<At<u16>>,
    /// Labels the client's pod must carry.
    pub source_labels: Option<At<BTreeMap<String, String>>>,
    /// The namespace of the client.
    pub source_namespace: Option<At<String>>,
    /// The gateways it is limited to.
    pub gateways: Vec<At<String>>,
    /// The case of the path counts not.
    pub ignore_case: bool,
    /// It belongs to a route of connections, which checks all of its fields.
    pub of_connection: bool,
}

impl HttpMatch {
    /// One item of `match` of a TCP route: nothing in it looks at requests.
    pub(super) fn of_connection(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = decoder.map(node, "a match")?;
        let conditions = subnets(&mut fields);
        let item = Self::sources(node.span, conditions, &mut fields, decoder);
        fields.finish(decoder);
        Some(Self {
            of_connection: true,
            ..item
        })
    }

    /// One item of `match` of a TLS route: it looks at the name in the handshake.
    pub(super) fn of_handshake(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = decoder.map(node, "a match")?;
        let mut conditions = subnets(&mut fields);
        let names = fields.texts("sniHosts", decoder);
        if names.is_empty() && !fields.misspelt("sniHosts") {
            let problem = Note::new(
                Code::MissingField,
                "a match of a TLS route needs `sniHosts`",
            );
            decoder.report(problem.at(fields.span, "no `sniHosts` here"));
        }
        if let Some(first) = names.first() {
            let span = fields.place("sniHosts").unwrap_or(first.span);
            conditions.push(Condition {
                field: "sniHosts".to_owned(),
                span,
                test: Test::Authority(server_name(&names)),
            });
        }
        let item = Self::sources(node.span, conditions, &mut fields, decoder);
        fields.finish(decoder);
        (!names.is_empty()).then_some(Self {
            of_connection: true,
            ..item
        })
    }

    /// The conditions with those on where the request comes from, and to which port.
    fn sources(
        span: Span,
        conditions: Vec<Condition>,
        fields: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Self {
        let labels_at = fields.place("sourceLabels");
        let labels = fields.labels("sourceLabels", decoder);
        Self {
            span,
            conditions,
            of_connection: false,
            ignore_case: false,
            port: fields.port("port", decoder).filter(|port| port.value != 0),
            source_labels: labels_at.filter(|_| !labels.is_empty()).map(|span| At {
                value: labels,
                span,
            }),
            source_namespace: fields
                .text("sourceNamespace", decoder)
                .filter(|text| !text.value.is_empty()),
            gateways: fields.texts("gateways", decoder),
        }
    }

    /// One item of `match`.
    pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = decoder.map(node, "a match")?;
        let ignore_case = fields
            .boolean("ignoreUriCase", decoder)
            .is_some_and(|ignore| ignore.value);
        let mut conditions = Vec::new();
        for (key, test) in [
            ("uri", Test::Path as fn(TextMatch) -> Test),
            ("method", Test::Method),
            ("authority", Test::Authority),
            ("scheme", Test::Scheme),
        ] {
            let Some(node) = fields.get(key) else {
                continue;
            };
            let span = fields.place(key).unwrap_or(node.span);
            if let Some(text) = text_match(node, key, decoder) {
                let text = if key == "uri" && ignore_case {
                    text.ignoring_case()
                } else {
                    text
                };
                conditions.push(Condition {
                    field: key.to_owned(),
                    span,
                    test: test(text),
                });
            }
        }
        named(&mut fields, "headers", &mut conditions, decoder, header);
        named(
            &mut fields,
            "withoutHeaders",
            &mut conditions,
            decoder,
            |name, span, value| {
                let name = name.to_lowercase();
                claim(&name, span).unwrap_or_else(|| Test::Header(HeaderTest::without(name, value)))
            },
        );
        named(
            &mut fields,
            "queryParams",
            &mut conditions,
            decoder,
            |name, _, value| Test::Query {
                name: name.to_owned(),
                value,
            },
        );
        let item = Self::sources(node.span, conditions, &mut fields, decoder);
        fields.text("name", decoder);
        fields.text("statPrefix", decoder);
        fields.finish(decoder);
        Some(Self {
            ignore_case,
            ..item
        })
    }
}

/// Conditions on addresses, which nobody knows here.
fn subnets(fields: &mut Fields<'_, '_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for key in ["destinationSubnets", "sourceSubnet"] {
        if let Some(span) = fields.place(key) {
            let message =
                format!("`{key}` looks at addresses, which are not known: taken not to match");
            let caveat = Note::about(Code::UnknownSubnet, message, Some(span));
            conditions.push(Condition {
                field: key.to_owned(),
                span,
                test: Test::Unknowable(caveat),
            });
        }
    }
    conditions
}

/// Any of these names, in the handshake for a URL: a client asks for the host it calls.
fn server_name(names: &[At<String>]) -> TextMatch {
    let name = |name: &At<String>| match name.value.strip_prefix('*') {
        Some(suffix) => format!(".+{}", regex::escape(suffix)),
        None => regex::escape(&name.value),
    };
    let names: Vec<String> = names.iter().map(name).collect();
    TextMatch::regex(&format!("(?i:{})(:[0-9]+)?", names.join("|")))
        .expect("escaped names with fixed text around them")
}

/// The conditions of a map from names to text matches.
fn named(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    conditions: &mut Vec<Condition>,
    decoder: &mut Decoder<'_>,
    test: impl Fn(&str, Span, TextMatch) -> Test,
) {
    for entry in fields.entries(key, decoder) {
        let value = if entry.value.is_null() {
            Some(TextMatch::Present)
        } else {
            text_match(&entry.value, &entry.key, decoder)
        };
        // "prefix string match should not be empty."
        if let (Some(TextMatch::Prefix { text, .. }), true) = (&value, key != "queryParams")
            && text.is_empty()
        {
            let message = format!("the prefix of `{}` is empty", entry.key);
            let problem = Note::new(Code::EmptyPrefix, message).at(entry.value.span, "");
            let help = format!(
                "Istio refuses this object: write `{}: {{}}` for any value",
                entry.key
            );
            decoder.report(problem.help(help));
            continue;
        }
        let Some(value) = value else { continue };
        let name = match truth(entry) {
            Some((name, caveat)) => {
                conditions.push(Condition {
                    field: key.to_owned(),
                    span: entry.key_span,
                    test: Test::Assumed(caveat),
                });
                name
            }
            None => &entry.key,
        };
        conditions.push(Condition {
            field: format!("{key}.{name}"),
            span: entry.key_span,
            test: test(name, entry.key_span, value),
        });
    }
}

/// What the API server makes of a key that is a truth value where nobody quotes it: `y:` is `true:`.
fn truth(entry: &Entry<'_>) -> Option<(&'static str, Note<AppliesTo>)> {
    let name = match &*entry.key {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "True" | "TRUE" => "true",
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "False" | "FALSE" => "false",
        _ => return None,
    };
    let plain = entry.key_span.end - entry.key_span.start == entry.key.len();
    let message = format!(
        "the key `{}` is a truth value in YAML, so that the API server reads the name `{name}`",
        entry.key
    );
    let caveat = Note::about(Code::TruthAsName, message, Some(entry.key_span));
    plain.then(|| {
        (
            name,
            caveat.help(format!("write it as \"{}\", with quotes", entry.key)),
        )
    })
}

fn header(name: &str, span: Span, value: TextMatch) -> Test {
    let name = name.to_lowercase();
    if matches!(name.as_str(), "uri" | "scheme" | "method" | "authority") {
        let message =
            format!("Istio ignores the header `{name}` here: match on the field `{name}` instead");
        return Test::Assumed(Note::about(Code::IgnoredHeader, message, Some(span)));
    }
    claim(&name, span).unwrap_or_else(|| Test::Header(HeaderTest::with(name, value)))
}

/// `@request.auth.claims…` looks into a token that only the proxy validates.
fn claim(name: &str, span: Span) -> Option<Test> {
    name.starts_with("@request.auth.").then(|| {
        let message = format!("`{name}` is read from a validated token, which resplit does not see: taken not to match");
        Test::Unknowable(Note::about(Code::TokenClaim, message, Some(span)))
    })
}

/// A text as YAML reads it back as a text: in quotes, unless it is one without.
fn as_text(node: &Node<'_>, text: &str) -> String {
    let bare = matches!(node.value, Value::Scalar { plain: true, .. });
    if bare && matches!(node.scalar(), Some(Scalar::Text(_))) {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

/// `exact`, `prefix` or `regex`; an empty map asks for presence. What is wrong is reported, and still asks for something.
fn text_match(node: &Node<'_>, what: &str, decoder: &mut Decoder<'_>) -> Option<TextMatch> {
    if let Value::Scalar { text, .. } = &node.value {
        let message = format!("`{what}` must say how to compare, not only with what");
        let help = format!(
            "write `{what}: {{exact: {}}}`, or `prefix` or `regex` instead of `exact`",
            as_text(node, text)
        );
        decoder.report(
            Note::new(Code::WrongType, message)
                .at(node.span, "")
                .help(help),
        );
        return Some(TextMatch::exact(text.to_string()));
    }
    let mut fields = decoder.map(node, "a text match")?;
    let exact = fields.text("exact", decoder);
    let prefix = fields.text("prefix", decoder);
    let regex = fields.text("regex", decoder);
    let places: Vec<Span> = ["exact", "prefix", "regex"]
        .into_iter()
        .filter_map(|key| fields.place(key))
        .collect();
    fields.finish(decoder);
    if let [first, second, ..] = places[..] {
        let problem = Note::new(
            Code::OneOf,
            format!("`{what}` takes one of `exact`, `prefix` and `regex`"),
        );
        decoder.report(
            problem
                .at(second, "a second one")
                .at(first, "the first one")
                .help("keep one of them"),
        );
    }
    match (exact, prefix, regex) {
        (Some(exact), ..) => Some(TextMatch::exact(exact.value)),
        (_, Some(prefix), _) => Some(TextMatch::prefix(prefix.value)),
        (.., Some(regex)) => decoder.regex_or_nothing(&regex),
        _ if places.is_empty() => Some(TextMatch::Present),
        _ => None,
    }
}
