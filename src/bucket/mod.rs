//! From a response to the value it is counted under.

mod all_values;
mod auto;
mod body;
mod cluster;
mod endpoint;
mod fields;
mod header;
mod json;
mod local_reply;
mod names;
mod peer;
mod regex;
mod shorten;
mod status;

use std::borrow::Cow;
use std::fmt::Debug;

pub use all_values::all_values;
pub use fields::Fields;
pub use names::{BucketId, MOST_BUCKETS, Names};

/// What an extractor may look at: a borrowed view of one answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: Fields<'r>,
    /// The whole body, decoded.
    pub body: &'r [u8],
    /// The address that answered.
    pub peer: &'r str,
}

/// Which part of a response bytes are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A header field.
    Header,
    /// The body.
    Body,
}

/// Reads one value from a response.
pub trait Extract: Debug + Send + Sync {
    /// The value, borrowed from the answer where possible; `None` when the answer does not carry it.
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>>;

    /// The only bytes of the answer that the value depends on, where they are the bytes of one part; answers with the same
    /// bytes there are not read twice.
    fn source<'r>(&self, _reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        None
    }
}

/// Knows what a value means.
pub trait Reduce: Debug + Send + Sync {
    /// A shorter value that means the same; `None` when the value means nothing, or several things.
    fn reduce(&self, value: &str, status: u16) -> Option<String>;
}

/// A kind of extractor: `NAME` or `NAME:ARGUMENT` in `--bucket`.
pub struct Extractor {
    name: &'static str,
    /// What stands behind the colon, for messages; empty when nothing does.
    argument: &'static str,
    /// What it yields, in a few words.
    pub summary: &'static str,
    parse: fn(&str) -> Result<Box<dyn Extract>, String>,
}

/// Every kind of extractor. A new one is a file and an entry here; help and docs are made of it.
pub const EXTRACTORS: &[Extractor] = &[
    Extractor {
        name: "auto",
        argument: "",
        summary: "a header `x-resplit`, the version or pod that common demo applications name, else the body",
        parse: |_| Ok(Box::new(auto::Auto::new())),
    },
    Extractor {
        name: "body",
        argument: "",
        summary: "the whole body",
        parse: |_| Ok(Box::new(body::Body)),
    },
    Extractor {
        name: "header",
        argument: "NAME",
        summary: "a response header",
        parse: header::parse,
    },
    Extractor {
        name: "json",
        argument: "/POINTER",
        summary: "a member of a JSON body",
        parse: json::parse,
    },
    Extractor {
        name: "regex",
        argument: "RE",
        summary: "the first group, else the match, in the body",
        parse: regex::parse,
    },
    Extractor {
        name: "endpoint",
        argument: "",
        summary: "the address in a header `x-resplit`, the pod that a JSON body names, else as `auto`",
        parse: |_| Ok(Box::new(endpoint::Endpoint::new())),
    },
    Extractor {
        name: "status",
        argument: "",
        summary: "the HTTP status",
        parse: |_| Ok(Box::new(status::Status)),
    },
    Extractor {
        name: "peer",
        argument: "",
        summary: "the address that responded",
        parse: |_| Ok(Box::new(peer::Peer)),
    },
    Extractor {
        name: "cluster",
        argument: "",
        summary: "nothing of the response: what the proxy counted for each target (`--proxy-admin`)",
        parse: |_| Ok(Box::new(cluster::Cluster)),
    },
];

impl Extractor {
    /// As it is typed: `header:NAME`.
    #[must_use]
    pub fn form(&self) -> String {
        match self.argument {
            "" => self.name.to_owned(),
            argument => format!("{}:{argument}", self.name),
        }
    }
}

/// Every kind of extractor as it is typed, in one line.
#[must_use]
pub fn forms() -> String {
    let forms = EXTRACTORS.iter().map(Extractor::form);
    forms.collect::<Vec<_>>().join(", ")
}

/// Why a `--bucket` value is not a valid extractor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The name before the colon is unknown.
    #[error("`{spec}` is not a known kind of bucket: expected one of {known}")]
    Unknown {
        /// What was given.
        spec: String,
        /// What there is.
        known: String,
    },
    /// The argument behind the colon is missing, superfluous or wrong.
    #[error("bucket `{spec}`: {reason}")]
    Argument {
        /// What was given.
        spec: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Extractors in order: the first that yields a value wins.
#[derive(Debug)]
pub struct Bucketer {
    extractors: Vec<Box<dyn Extract>>,
    reducer: Option<Box<dyn Reduce>>,
}

impl Bucketer {
    /// Reads `--bucket` values; none means `auto`.
    pub fn parse<S: AsRef<str>>(specs: &[S]) -> Result<Self, SpecError> {
        let specs: Vec<&str> = if specs.is_empty() {
            vec!["auto"]
        } else {
            specs.iter().map(AsRef::as_ref).collect()
        };
        let extractors = specs.into_iter().map(extractor).collect::<Result<_, _>>()?;
        Ok(Self {
            extractors,
            reducer: None,
        })
    }

    /// Where responses carry more distinct values than are kept (a time stamp in every body), a value is reduced to what it
    /// means, if that is known.
    #[must_use]
    pub fn with_reducer(mut self, reducer: impl Reduce + 'static) -> Self {
        self.reducer = Some(Box::new(reducer));
        self
    }

    /// The only bytes that the value of a response depends on, where that is so simple.
    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        match self.extractors.as_slice() {
            [only] => only.source(reply),
            _ => None,
        }
    }

    /// The value a response is counted under.
    #[must_use]
    pub fn value<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        self.found(reply).map(|(_, value)| value)
    }

    /// The same, with the position of the extractor that found it.
    fn found<'r>(&self, reply: &Reply<'r>) -> Option<(usize, Cow<'r, str>)> {
        let mut extractors = self.extractors.iter().enumerate();
        extractors.find_map(|(at, extractor)| Some((at, extractor.extract(reply)?)))
    }

    /// What one extractor yields.
    #[must_use]
    pub fn of(extractor: Box<dyn Extract>) -> Self {
        Self {
            extractors: vec![extractor],
            reducer: None,
        }
    }

    fn reduce(&self, value: &str, status: u16) -> Option<String> {
        self.reducer.as_ref()?.reduce(value, status)
    }
}

fn extractor(spec: &str) -> Result<Box<dyn Extract>, SpecError> {
    let (name, argument) = spec
        .split_once(':')
        .map_or((spec, None), |(name, argument)| (name, Some(argument)));
    let Some(kind) = EXTRACTORS.iter().find(|kind| kind.name == name) else {
        return Err(SpecError::Unknown {
            spec: spec.to_owned(),
            known: forms(),
        });
    };
    let wrong = |reason: String| SpecError::Argument {
        spec: spec.to_owned(),
        reason,
    };
    match (kind.argument, argument) {
        ("", None) => (kind.parse)("").map_err(wrong),
        ("", Some(_)) => Err(wrong(format!("`{name}` takes no argument"))),
        (form, None | Some("")) => Err(wrong(format!("write it as {name}:{form}"))),
        (_, Some(argument)) => (kind.parse)(argument).map_err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a response with this status, these headers and this body.
    pub(super) fn of_reply<T>(
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
        made: impl FnOnce(&Reply<'_>) -> T,
    ) -> T {
        let fields: Vec<httparse::Header<'_>> = headers
            .iter()
            .map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        made(&Reply {
            status,
            headers: Fields(&fields),
            body: body.as_bytes(),
            peer: "127.0.0.1:5000",
        })
    }

    /// The value a spec yields for a response.
    pub(super) fn value(
        spec: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<String> {
        let bucketer = Bucketer::parse(&[spec]).expect("a spec");
        of_reply(status, headers, body, |reply| {
            bucketer.value(reply).map(Cow::into_owned)
        })
    }

    #[test]
    fn each_kind_reads_its_part_of_the_answer() {
        let body = r#"{"version": "v1", "n": 3}"#;
        let of = |spec| value(spec, 200, &[("x-version", "v2")], body);
        assert_eq!(of("body").as_deref(), Some(body));
        assert_eq!(of("header:X-Version").as_deref(), Some("v2"));
        assert_eq!(of("json:/version").as_deref(), Some("v1"));
        assert_eq!(of("json:/n").as_deref(), Some("3"));
        assert_eq!(of(r#"regex:"version": "(\w+)""#).as_deref(), Some("v1"));
        assert_eq!(of("regex:v[0-9]").as_deref(), Some("v1"));
        assert_eq!(of("status").as_deref(), Some("200"));
        assert_eq!(of("peer").as_deref(), Some("127.0.0.1:5000"));
        assert_eq!(
            (of("header:absent"), of("json:/absent"), of("regex:absent")),
            (None, None, None)
        );
    }

    #[test]
    fn the_first_extractor_that_yields_wins() {
        let bucketer = Bucketer::parse(&["header:absent", "json:/version", "body"]).expect("specs");
        let of = |body: &'static str| {
            bucketer
                .value(&Reply {
                    status: 200,
                    headers: Fields(&[]),
                    body: body.as_bytes(),
                    peer: "127.0.0.1:1",
                })
                .map(Cow::into_owned)
        };
        assert_eq!(of(r#"{"version":"v1"}"#).as_deref(), Some("v1"));
        assert_eq!(of("plain").as_deref(), Some("plain"));
    }

    #[test]
    fn a_wrong_spec_says_what_there_is() {
        for (spec, part) in [
            ("hedaer:x", "header:NAME"),
            ("header", "header:NAME"),
            ("header:", "header:NAME"),
            ("header:a b", "header name"),
            ("json:version", "/version"),
            ("regex:(", "unclosed group"),
            ("body:x", "takes no argument"),
        ] {
            let error = Bucketer::parse(&[spec]).expect_err(spec).to_string();
            assert!(error.contains(part), "{spec}: {error}");
        }
    }
}
