//! A gRPC call as it is typed: its path, and for the health service its message.

use super::failure::Failure;

/// The path and the message of a gRPC call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// `/PACKAGE.SERVICE/METHOD`
    pub(super) path: String,
    /// What the call itself says, where it says something.
    pub(super) message: Option<Vec<u8>>,
}

impl Call {
    /// Reads `PACKAGE.SERVICE/METHOD`, `health` or `health:SERVICE`.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let health = text.strip_prefix("health");
        let service = health.and_then(|rest| match rest {
            "" => Some(""),
            rest => rest.strip_prefix(':'),
        });
        if let Some(service) = service {
            return Ok(Self {
                path: "/grpc.health.v1.Health/Check".to_owned(),
                message: Some(health_check(service)),
            });
        }
        let call = text.trim_start_matches('/');
        let named = call
            .split_once('/')
            .filter(|(service, method)| !service.is_empty() && !method.is_empty());
        match named {
            Some((_, method)) if !method.contains('/') => Ok(Self {
                path: format!("/{call}"),
                message: None,
            }),
            _ => Err(Failure::usage(
                format!("--grpc: `{text}` is not a valid call"),
                "write it as --grpc PACKAGE.SERVICE/METHOD, or --grpc health",
            )),
        }
    }
}

/// `grpc.health.v1.HealthCheckRequest`: the service as field 1, left out where it is the server itself.
fn health_check(service: &str) -> Vec<u8> {
    if service.is_empty() {
        return Vec::new();
    }
    let mut message = vec![0x0a];
    let mut length = service.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).expect("below 128"));
    message.extend_from_slice(service.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_path_and_health_is_known() {
        let path = |text| Call::read(text).map(|call| call.path).ok();
        assert_eq!(path("a.b.C/Get").as_deref(), Some("/a.b.C/Get"));
        assert_eq!(path("/a.b.C/Get").as_deref(), Some("/a.b.C/Get"));
        assert_eq!(path("healthy/Get").as_deref(), Some("/healthy/Get"));
        assert_eq!(
            (path("a.b.C"), path("a/b/c"), path("/x")),
            (None, None, None)
        );
        let health = Call::read("health:weather").expect("a call");
        assert_eq!(health.path, "/grpc.health.v1.Health/Check");
        assert_eq!(health.message.as_deref(), Some(&b"\x0a\x07weather"[..]));
        let long = health_check(&"x".repeat(300));
        assert_eq!((&long[..3], long.len()), (&b"\x0a\xac\x02"[..], 303));
    }
}
