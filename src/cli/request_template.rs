//! The request of a run with names in it that values of `--vary` stand for.

use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use super::failure::Failure;
use super::vary::Variable;
use crate::plan::RequestTemplate;

/// A request with names in it that values stand for.
#[derive(Clone, Debug)]
pub(super) struct Template {
    base: RequestTemplate,
    target: Text,
    headers: Vec<(HeaderName, Text)>,
    body: Text,
}

/// A text with values in it.
#[derive(Clone, Debug, Default)]
struct Text(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// The value of the variable at this position.
    Value(usize),
}

impl Template {
    /// The request with the names that were given; others stay as they are typed.
    pub(super) fn of(base: RequestTemplate, variables: &[Variable]) -> Result<Self, Failure> {
        let target = base.target.to_string();
        let template = Self {
            target: Text::read(target.as_bytes(), variables),
            headers: (base.headers.iter())
                .map(|(name, value)| (name.clone(), Text::read(value.as_bytes(), variables)))
                .collect(),
            body: Text::read(&base.body, variables),
            base,
        };
        for (at, variable) in variables.iter().enumerate() {
            if variables[..at]
                .iter()
                .any(|known| known.name == variable.name)
            {
                return Err(Failure::usage(
                    format!("--vary {} is given twice", variable.name),
                    "give each name once",
                ));
            }
            let texts = template.headers.iter().map(|(_, text)| text);
            let mut texts = texts.chain([&template.target, &template.body]);
            if !texts.any(|text| text.has(at)) {
                return Err(Failure::usage(
                    format!(
                        "--vary {}: the request has no {{{{{}}}}} in its URL, headers or body",
                        variable.name, variable.name
                    ),
                    format!(
                        "write the name where the value goes: -H 'x-user: {{{{{}}}}}'",
                        variable.name
                    ),
                ));
            }
        }
        Ok(template)
    }

    /// The request with one value for each name; none where a value cannot stand in its place.
    pub(super) fn filled(&self, row: &[String]) -> Option<RequestTemplate> {
        let target = self.target.filled(row, encoded);
        let target: PathAndQuery = String::from_utf8(target).ok()?.parse().ok()?;
        let plain = |text: &Text| text.filled(row, |value| value.as_bytes().to_vec());
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, text) in &self.headers {
            headers.append(name, HeaderValue::from_bytes(&plain(text)).ok()?);
        }
        Some(RequestTemplate {
            target: Uri::from(target),
            headers,
            body: plain(&self.body),
            ..self.base.clone()
        })
    }
}

impl Text {
    fn read(text: &[u8], variables: &[Variable]) -> Self {
        let mut pieces = vec![Piece::Bytes(Vec::new())];
        let mut rest = text;
        while !rest.is_empty() {
            let name = |variable: &Variable| format!("{{{{{}}}}}", variable.name);
            let found = variables
                .iter()
                .position(|own| rest.starts_with(name(own).as_bytes()));
            if let Some(at) = found {
                rest = &rest[name(&variables[at]).len()..];
                pieces.extend([Piece::Value(at), Piece::Bytes(Vec::new())]);
            } else if let Some(Piece::Bytes(bytes)) = pieces.last_mut() {
                bytes.push(rest[0]);
                rest = &rest[1..];
            }
        }
        Self(pieces)
    }

    fn has(&self, variable: usize) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, Piece::Value(at) if *at == variable))
    }

    fn filled(&self, row: &[String], written: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
        let mut filled = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => filled.extend_from_slice(bytes),
                Piece::Value(at) => {
                    filled.extend(row.get(*at).map_or_else(Vec::new, |own| written(own)));
                }
            }
        }
        filled
    }
}

/// A value as it stands in a URL (RFC 3986, 2.1): everything but unreserved characters is escaped.
fn encoded(value: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::Protocol;
    use http::Method;

    pub(in crate::cli) fn request(
        target: &'static str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> RequestTemplate {
        let headers = headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        });
        RequestTemplate {
            protocol: Protocol::Http1,
            method: Method::GET,
            target: Uri::from_static(target),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    pub(in crate::cli) fn variables(texts: &[&str]) -> Vec<Variable> {
        texts
            .iter()
            .map(|text| text.parse().expect("a variable"))
            .collect()
    }

    #[test]
    fn names_that_are_given_are_filled_in_everywhere_and_others_stay() {
        let base = request(
            "/{{user}}?q={{user}}&{{x}}",
            &[("x-user", "a {{user}}{{n}} {{other}}")],
            "{\"{{n}}\"}",
        );
        let template =
            Template::of(base, &variables(&["user=uuid", "n=seq"])).expect("both are there");
        let row = ["a b/ö".to_owned(), "7".to_owned()];
        let filled = template.filled(&row).expect("it can be sent");
        assert_eq!(filled.target, "/a%20b%2F%C3%B6?q=a%20b%2F%C3%B6&{{x}}");
        assert_eq!(
            filled.headers["x-user"].as_bytes(),
            "a a b/ö7 {{other}}".as_bytes()
        );
        assert_eq!(filled.body, b"{\"7\"}");
        assert!(
            template
                .filled(&["a\nb".to_owned(), String::new()])
                .is_none()
        );
    }

    #[test]
    fn a_name_that_is_nowhere_or_given_twice_is_refused() {
        let base = || request("/{{user}}", &[], "");
        assert!(Template::of(base(), &variables(&["users=uuid"])).is_err());
        assert!(Template::of(base(), &variables(&["user=uuid", "user=seq"])).is_err());
    }
}
