//! Options that make no sense together, or with this URL: every such check that `args` cannot express.

use http::HeaderMap;
use http::header::{HOST, HeaderValue};
use http::uri::Authority;

use super::args::{LoadArgs, Test, TransportArgs};
use super::failure::Failure;
use super::url::Url;
use crate::plan::Protocol;

/// Whether a request can get to this URL in this way.
pub(super) fn of_transport(args: &TransportArgs, url: &Url) -> Result<(), Failure> {
    let https = url.https;
    if args.http2 && !https {
        return Err(Failure::usage(
            "--http2 is agreed on within TLS, and the URL has none",
            "write --h2c for HTTP/2 without TLS, or the URL with https://",
        ));
    }
    if args.h2c && https {
        return Err(Failure::usage(
            "--h2c is HTTP/2 without TLS, and the URL asks for TLS",
            "write --http2, or the URL with http://",
        ));
    }
    if args.cert.is_some() && !https {
        return Err(Failure::usage(
            "--cert needs TLS",
            "write the URL with https://, or leave --cert out",
        ));
    }
    if args.grpc.is_some() && url.target != "/" {
        return Err(Failure::usage(
            format!(
                "--grpc names what is called, and the URL names `{}`",
                url.target
            ),
            "write the URL without a path",
        ));
    }
    Ok(())
}

/// Options that are about the requests of one rule, and whether they were typed beside `--all-rules`.
pub(super) fn of_all_rules(of_one_rule: &[(bool, &str)]) -> Result<(), Failure> {
    match of_one_rule.iter().find(|(typed, _)| *typed) {
        Some((_, option)) => Err(Failure::usage(
            format!(
                "{option} is about the requests of one rule, and --all-rules sends those of every rule"
            ),
            format!(
                "leave {option} out, or leave --all-rules out and describe a request of that rule"
            ),
        )),
        None => Ok(()),
    }
}

/// Whether such requests can be sent under this load, and judged by this test.
pub(super) fn of_load(
    args: &LoadArgs,
    test: Option<Test>,
    protocol: Protocol,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let multiplexes = protocol.multiplexes();
    if args.streams.is_some() && !multiplexes {
        return Err(Failure::usage(
            "--streams: an HTTP/1.1 connection carries one request at a time",
            "add --http2, --h2c or --grpc, or use more connections with -c",
        ));
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    if multiplexes && host.is_some_and(|host| Authority::try_from(host).is_err()) {
        return Err(Failure::usage(
            "the host of an HTTP/2 request is a name or an address, and a port where there is one",
            "write --host HOST or --host HOST:PORT, or leave --http2 and --h2c out",
        ));
    }
    let looks_once = args.requests.is_some() || args.duration.is_some() || args.no_early_stop;
    if test == Some(Test::Sequential) && looks_once {
        return Err(Failure::usage(
            "--test sequential looks after each response: it takes neither -n nor -z nor --no-early-stop",
            "cap the run with --max-requests N or --max-duration TIME, or leave --test out",
        ));
    }
    Ok(())
}
