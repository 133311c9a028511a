//! The request of a row, in the words of a shell.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::report::explain::{WitnessRow, witness};
use crate::route::Probe;
use crate::verdict::shell_word;

/// A request that was sent, and how to send it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRequest {
    /// The request.
    #[serde(flatten)]
    pub witness: WitnessRow,
    /// The command that sends it with curl, quoted for a shell.
    pub curl: String,
}

impl SentRequest {
    /// A request like another one, as it is typed.
    #[must_use]
    pub fn of(probe: &Probe, like: &Probe) -> Self {
        let witness = witness(probe, like);
        let mut curl = "curl".to_owned();
        match witness.method.as_str() {
            "GET" => {}
            "HEAD" => curl.push_str(" --head"),
            method => _ = write!(curl, " -X {}", shell_word(method)),
        }
        for header in &witness.headers {
            let header = format!("{}: {}", header.name, header.value);
            let _ = write!(curl, " -H {}", shell_word(&header));
        }
        if witness.is_addressed_elsewhere() {
            let host = format!("host: {}", witness.host);
            let _ = write!(curl, " -H {}", shell_word(&host));
        }
        let _ = write!(curl, " {}", shell_word(&witness.url));
        Self { witness, curl }
    }

    /// `GET /a x-user: jason`: what tells it from the others.
    #[must_use]
    pub fn brief(&self) -> String {
        let headers = self.witness.headers.iter();
        let headers = headers.map(|header| format!(" {}: {}", header.name, header.value));
        let headers: String = headers.collect();
        format!("{} {}{headers}", self.witness.method, self.witness.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_sends_the_same_request() {
        let url = "http://127.0.0.1:8080/a?b=1".parse().expect("a URL");
        let like = Probe::new("GET", &url).expect("an absolute URL");
        let same = SentRequest::of(&like, &like);
        assert_eq!(same.curl, "curl 'http://127.0.0.1:8080/a?b=1'");
        let other = Probe {
            method: "POST".to_owned(),
            headers: vec![("x-user".to_owned(), "it's".to_owned())],
            ..like.clone().with_host("web")
        };
        let other = SentRequest::of(&other, &like);
        assert_eq!(
            other.curl,
            r"curl -X POST -H 'x-user: it'\''s' -H 'host: web' 'http://127.0.0.1:8080/a?b=1'"
        );
        assert_eq!(other.brief(), "POST /a?b=1 x-user: it's");
    }
}
