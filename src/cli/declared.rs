//! What is declared for the request that will be sent: from `--expect`, or from the rule of the manifests that this
//! very request matches.

use http::header::HOST;

use super::config::{Declaration, RequestConfig, RunConfig};
use super::failure::Failure;
use crate::split::Expected;
use crate::verdict::Caveat;

/// A declared split, and what has to be said about it.
pub(super) struct Declared {
    /// The split.
    pub(super) expected: Expected,
    /// `VirtualService default/weather http[0]`
    pub(super) rule: Option<String>,
    /// What weakens it.
    pub(super) caveats: Vec<Caveat>,
}

/// Finds out what is declared, if anything is.
pub(super) fn resolve(config: &RunConfig) -> Result<Option<Declared>, Failure> {
    match &config.declared {
        Declaration::None => Ok(None),
        Declaration::Weights(expected) => Ok(Some(Declared {
            expected: expected.clone(),
            rule: None,
            caveats: Vec::new(),
        })),
        Declaration::Manifests(_) | Declaration::Embedded(_) => Ok(None),
    }
}

/// The `Host` header as it is sent.
pub(super) fn host_header(request: &RequestConfig) -> String {
    let value = request
        .headers
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or(&request.host).to_owned()
}
