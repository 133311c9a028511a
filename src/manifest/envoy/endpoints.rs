//! The endpoints of a cluster, as far as a request may name them.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

/// `LbEndpoint`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawEndpoint {
    endpoint: RawHost,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawHost {
    address: RawAddress,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAddress {
    #[serde(alias = "socketAddress")]
    socket_address: RawSocketAddress,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSocketAddress {
    address: String,
    #[serde(alias = "portValue")]
    port_value: u16,
}

impl RawEndpoint {
    /// `10.0.0.7:8080`, where it is an address: a host name has one that the dump may not tell.
    pub(super) fn address(&self) -> Option<String> {
        let socket = &self.endpoint.address.socket_address;
        let ip: IpAddr = socket.address.parse().ok()?;
        Some(SocketAddr::new(ip, socket.port_value).to_string())
    }
}
