//! One response as it came, for whoever wants to look at it.

/// A response in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields and trailers, in their order.
    pub headers: Vec<(String, String)>,
    /// The body; what was compressed is not any more.
    pub body: Vec<u8>,
    /// The address that answered.
    pub peer: String,
}
