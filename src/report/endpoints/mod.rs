//! The table of requests that name their endpoint, in every format: the model, schema [`ENDPOINTS_SCHEMA`].

mod markdown;
mod text;
mod xml;

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::json;

use super::Request;
use super::sanitize::safe_json;
use crate::diag::Note;
use crate::verdict::Outcome;

/// The name and major version of the JSON form.
pub const ENDPOINTS_SCHEMA: &str = "resplit.endpoints/1";

/// A table that was sent and judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointsReport {
    /// [`ENDPOINTS_SCHEMA`].
    pub schema: &'static str,
    /// What was asked.
    pub target: Request,
    /// What takes the endpoint from a request: `override-host`, `original-dst`, `stateful-session`.
    pub mechanism: String,
    /// Where it is named: `header:x-custom-host`.
    pub pick: String,
    /// The endpoints.
    pub endpoints: Vec<String>,
    /// The requests, in their order.
    pub rows: Vec<EndpointRow>,
    /// What all rows mean together.
    pub outcome: Outcome,
    /// That in a sentence.
    pub reason: String,
    /// What has to be known beside it.
    pub notes: Vec<NoteText>,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointRow {
    /// What is particular about it.
    pub name: String,
    /// The value as it was sent, several lines one below the other; none where nothing was named.
    pub header: Option<String>,
    /// Where it should land.
    pub expected: Expectation,
    /// How many were sent.
    pub sent: u64,
    /// Where they landed.
    pub landed: Vec<LandedRow>,
    /// What that means.
    pub outcome: Outcome,
    /// That in a sentence.
    pub reason: String,
}

/// Where requests should land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// On this endpoint, every time.
    Endpoint(String),
    /// On any endpoint, as the proxy balances.
    Fallback,
    /// Nowhere: this status.
    Status(u16),
}

/// How many landed on an endpoint, or on what else is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LandedRow {
    /// The endpoint; else what the responses say, or the status of the proxy's own.
    pub endpoint: String,
    /// How many.
    pub count: u64,
}

/// A note in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoteText {
    /// A stable short name.
    pub id: String,
    /// What.
    pub message: String,
}

/// One way of writing the table.
#[derive(Clone, Copy, Debug)]
pub struct EndpointsFormat {
    /// What it is called.
    pub name: &'static str,
    /// Writes it.
    pub render: fn(&EndpointsReport, &mut dyn Write) -> io::Result<()>,
}

/// Every format, the default first.
pub const ENDPOINTS_FORMATS: [EndpointsFormat; 4] = [
    EndpointsFormat {
        name: "text",
        render: text::render,
    },
    EndpointsFormat {
        name: "json",
        render: json,
    },
    EndpointsFormat {
        name: "junit",
        render: xml::render,
    },
    EndpointsFormat {
        name: "markdown",
        render: markdown::render,
    },
];

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, value) = match self {
            Self::Endpoint(address) => ("endpoint", json!(address)),
            Self::Fallback => ("fallback", json!(null)),
            Self::Status(status) => ("status", json!(status)),
        };
        json!({ "kind": kind, "value": value }).serialize(serializer)
    }
}

impl Expectation {
    /// In a cell of a table.
    fn text(&self) -> String {
        match self {
            Self::Endpoint(address) => address.clone(),
            Self::Fallback => "any endpoint".to_owned(),
            Self::Status(status) => format!("status {status}"),
        }
    }
}

impl EndpointRow {
    /// The value as it was sent, in a cell of a table.
    fn value(&self) -> String {
        match &self.header {
            None => "–".to_owned(),
            Some(value) => format!("`{}`", value.replace('\n', "` `")),
        }
    }

    /// `127.0.0.1:8081 60, 127.0.0.1:8082 40`
    fn seen(&self) -> String {
        let one = |landed: &LandedRow| format!("{} {}", landed.endpoint, landed.count);
        let all: Vec<String> = self.landed.iter().map(one).collect();
        all.join(", ")
    }
}

impl NoteText {
    /// A note without its place.
    #[must_use]
    pub fn of(note: &Note) -> Self {
        Self {
            id: note.code.id().to_owned(),
            message: note.message.clone(),
        }
    }
}

fn json(report: &EndpointsReport, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{}", safe_json(&text))
}
