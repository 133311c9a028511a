//! Requests that differ from each other: where the next one comes from.

use std::fmt::Debug;

use super::RequestTemplate;

/// Where requests that differ come from. Threads ask it at the same time.
pub trait RequestSource: Debug + Send + Sync {
    /// The next request; none where there are no more.
    fn next(&self) -> Option<VariedRequest>;

    /// A response to a request of this key sets these cookies: the values of its `set-cookie` fields.
    fn cookies(&self, key: u32, values: &[&[u8]]);

    /// A request of this key has ended, with a response or without one.
    fn ended(&self, key: u32);
}

/// One request of many.
#[derive(Clone, Debug)]
pub struct VariedRequest {
    /// Which of the kinds of requests it is of.
    pub case: usize,
    /// The number of what it has in common with others, such as a user; it is logged in the place of the connection. None where
    /// connections count.
    pub key: Option<u32>,
    /// What it says.
    pub request: RequestTemplate,
}
