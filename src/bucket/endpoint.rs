//! The endpoint that responded, where a response names it.

use std::borrow::Cow;

use super::auto::{self, Auto};
use super::{Extract, Reply};

/// `endpoint`
#[derive(Debug)]
pub(super) struct Endpoint(Auto);

impl Endpoint {
    pub(super) fn new() -> Self {
        Self(Auto::new())
    }
}

impl Extract for Endpoint {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        auto::address(reply)
            .map(Cow::Borrowed)
            .or_else(|| auto::pod_name(reply.body).map(Cow::Owned))
            .or_else(|| self.0.extract(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::value;

    #[test]
    fn an_address_or_a_pod_goes_before_what_auto_finds() {
        let of = |headers: &[(&str, &str)], body| value("endpoint", 200, headers, body);
        let header = [("x-resplit", "web;10.0.0.7:8080;route;-")];
        assert_eq!(of(&header, "b1").as_deref(), Some("10.0.0.7:8080"));
        let pod = r#"{"pod": "web-6f5d8b9c4d-x2x4z"}"#;
        assert_eq!(of(&[], pod).as_deref(), Some("web-6f5d8b9c4d-x2x4z"));
        assert_eq!(
            of(&[("x-resplit", "web;-;route;-")], "b1").as_deref(),
            Some("web")
        );
        assert_eq!(of(&[], "b1").as_deref(), Some("b1"));
    }
}
