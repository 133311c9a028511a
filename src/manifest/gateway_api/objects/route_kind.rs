//! The kinds of route that are decoded alike.

/// Which kind of route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// HTTPRoute.
    Http,
    /// GRPCRoute.
    Grpc,
    /// `TLSRoute`: connections by the name in their handshake.
    Tls,
    /// `TCPRoute`: the connections of a port.
    Tcp,
}

impl RouteKind {
    /// As the object is named.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
            Self::Tls => "TLSRoute",
            Self::Tcp => "TCPRoute",
        }
    }

    /// Whether it is about connections, and looks at no request.
    #[must_use]
    pub fn of_connections(self) -> bool {
        matches!(self, Self::Tls | Self::Tcp)
    }
}
