//! What each path answers, as Flagger, Argo Rollouts, Prometheus and kubelet read it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::super::http_service::{Body, probed, text, typed};
use super::checks::{Answer, Checks, NotTaken, Question, word};
use super::config::{Check, Refused};
use super::metrics;
use super::run_check::rendered;
use crate::report::read;
use crate::verdict::Outcome;

/// The longest body of a call.
const LONGEST_BODY: usize = 64 << 10;
/// When to ask again where everything is taken, in seconds.
const AGAIN: u16 = 5;
/// Where a report is.
const REPORT: &str = "x-resplit-report";

/// What a server knows.
pub(super) struct Service {
    pub(super) table: BTreeMap<String, Check>,
    pub(super) checks: Checks,
    pub(super) token: Option<String>,
}

/// Who asks, and so what the answer looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// The answer in one line, and a status above 202 that stops the canary.
    Flagger,
    /// JSON with a `result`.
    Argo,
}

/// Answers a request.
pub(super) async fn answer(service: Arc<Service>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Some(probed) = probed(&path, service.checks.is_ending()) {
        return probed;
    }
    if !authorised(service.token.as_deref(), request.headers()) {
        let mut response = text(
            StatusCode::UNAUTHORIZED,
            "the token is missing, or another one",
        );
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert("www-authenticate", scheme);
        return response;
    }
    let (first, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_matches('/'), ""));
    let method = request.method().clone();
    match (first, &method) {
        ("metrics", &Method::GET) if rest.is_empty() => {
            let text = metrics::text(&service.checks.counters());
            typed(StatusCode::OK, metrics::TYPE, text.into_bytes())
        }
        ("reports", &Method::GET) => report(&service, rest),
        ("flagger", &Method::POST) => call(&service, rest, request, Caller::Flagger).await,
        ("argo", &Method::GET | &Method::POST | &Method::PUT) => {
            call(&service, rest, request, Caller::Argo).await
        }
        ("metrics" | "reports" | "flagger" | "argo", _) => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not take this method",
        ),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /flagger/CHECK, /argo/CHECK, /reports/ID, /metrics, /healthz and /readyz",
        ),
    }
}

/// Whether a call may ask: with the token as a bearer, or as the password of Basic, which is what Flagger can send.
fn authorised(token: Option<&str>, headers: &HeaderMap) -> bool {
    let Some(token) = token else {
        return true;
    };
    let sent = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((scheme, sent)) = sent.and_then(|sent| sent.split_once(' ')) else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return same(sent.trim(), token);
    }
    let decoded = BASE64_STANDARD.decode(sent.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':'));
    scheme.eq_ignore_ascii_case("basic")
        && password.is_some_and(|(_, password)| same(password, token))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    let differ = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differ == 0
}

async fn call(
    service: &Service,
    name: &str,
    request: Request<Incoming>,
    caller: Caller,
) -> Response<Body> {
    let Some(check) = service.table.get(name) else {
        return said(
            caller,
            StatusCode::NOT_FOUND,
            &format!("there is no check `{name}`"),
        );
    };
    let args = match args(request, caller).await {
        Ok(args) => args,
        Err((status, problem)) => return said(caller, status, &problem),
    };
    let command = match check.command(&args) {
        Ok(command) => command,
        Err(Refused::Args(problem)) => return said(caller, StatusCode::BAD_REQUEST, &problem),
        Err(Refused::Url) => {
            return said(
                caller,
                StatusCode::FORBIDDEN,
                "the check does not have this url",
            );
        }
    };
    let question = Question {
        check: name.to_owned(),
        command,
        limit: check.limit,
    };
    let mut waiting = match service.checks.ask(&question) {
        Ok(waiting) => waiting,
        Err(NotTaken::Busy) => {
            return again(said(
                caller,
                StatusCode::TOO_MANY_REQUESTS,
                "too many checks wait already; ask again",
            ));
        }
        Err(NotTaken::Ending) => {
            return again(said(
                caller,
                StatusCode::SERVICE_UNAVAILABLE,
                "this process is about to end; ask again",
            ));
        }
    };
    let found = tokio::time::timeout(check.wait, waiting.wait_for(Option::is_some)).await;
    let found = found.ok().and_then(|found| found.ok()?.clone());
    match found {
        Some(found) => {
            service.checks.fetched(&question);
            verdict(caller, &found, check)
        }
        None => again(said(
            caller,
            StatusCode::SERVICE_UNAVAILABLE,
            &format!(
                "the check has no verdict after {}; ask again",
                seconds(check.wait)
            ),
        )),
    }
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}

/// What a call chooses: for Flagger its metadata, for Argo the query or the JSON body.
async fn args(
    request: Request<Incoming>,
    caller: Caller,
) -> Result<BTreeMap<String, String>, (StatusCode, String)> {
    let bad = |problem: &str| (StatusCode::BAD_REQUEST, problem.to_owned());
    let mut args = BTreeMap::new();
    for pair in request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value).ok_or_else(|| bad("the query is not UTF-8"))?;
        args.insert(name.to_owned(), value);
    }
    let body = Limited::new(request.into_body(), LONGEST_BODY)
        .collect()
        .await;
    let body = body.map_err(|_| {
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {LONGEST_BODY} bytes, or broke off"),
        )
    })?;
    let body = body.to_bytes();
    if body.is_empty() {
        return Ok(args);
    }
    let body: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|_| bad("the body is not a JSON object"))?;
    let object = match caller {
        Caller::Argo => Some(&body),
        Caller::Flagger => body.get("metadata").and_then(Value::as_object),
    };
    for (name, value) in object.into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        args.insert(name.clone(), text);
    }
    Ok(args)
}

/// A value of a query without its escapes.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn verdict(caller: Caller, found: &Answer, check: &Check) -> Response<Body> {
    let judged = match &found.finished.verdict {
        Ok(judged) => judged,
        Err(none) => {
            // Options that are refused are those of the call where it chooses some.
            let status = if none.is_refused && check.takes_args() {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            };
            return said(caller, status, &none.why);
        }
    };
    // What an inconclusive run counts as is up to the options of the check, and stands in its exit code.
    let (result, status) = match (judged.code, judged.outcome) {
        (_, Outcome::NoData) => ("error", StatusCode::BAD_GATEWAY),
        (0, _) => ("pass", StatusCode::OK),
        (3, _) => ("inconclusive", StatusCode::TOO_EARLY),
        (1, _) => ("fail", StatusCode::CONFLICT),
        _ => ("error", StatusCode::INTERNAL_SERVER_ERROR),
    };
    let report = found.report.as_ref().map(|id| format!("/reports/{id}"));
    let mut response = match caller {
        Caller::Flagger => text(status, &judged.line),
        Caller::Argo => {
            let body = json!({
                "result": result, "outcome": word(judged.outcome), "reason": judged.reason, "line": judged.line, "report": report,
            });
            // Argo takes any other status for a measurement that failed.
            let status = if result == "error" {
                status
            } else {
                StatusCode::OK
            };
            typed(status, "application/json", body.to_string().into_bytes())
        }
    };
    if let Some(Ok(value)) = report.map(|report| HeaderValue::from_str(&report)) {
        response.headers_mut().insert(REPORT, value);
    }
    response
}

fn report(service: &Service, path: &str) -> Response<Body> {
    let (id, as_json) = match path.strip_suffix(".json") {
        Some(id) => (id, true),
        None => (path.strip_suffix(".html").unwrap_or(path), false),
    };
    let Some(json) = service.checks.report(id) else {
        return text(
            StatusCode::NOT_FOUND,
            "there is no such report, or it is no longer kept",
        );
    };
    if as_json {
        return typed(StatusCode::OK, "application/json", json.as_bytes().to_vec());
    }
    match read(&json) {
        Ok(report) => typed(
            StatusCode::OK,
            "text/html; charset=utf-8",
            rendered(&report, "html"),
        ),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A short answer in the form of the caller.
fn said(caller: Caller, status: StatusCode, problem: &str) -> Response<Body> {
    match caller {
        Caller::Flagger => text(status, problem),
        Caller::Argo => {
            let body = json!({ "result": "error", "reason": problem });
            typed(status, "application/json", body.to_string().into_bytes())
        }
    }
}

fn again(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(AGAIN));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_as_a_bearer_or_as_a_password() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().expect("a value"));
            authorised(Some("s3cret"), &headers)
        };
        assert!(with("Bearer s3cret") && with("bearer s3cret"));
        assert!(with(&format!(
            "Basic {}",
            BASE64_STANDARD.encode("flagger:s3cret")
        )));
        for wrong in [
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer",
            "s3cret",
            "Basic s3cret",
            "Basic czNjcmV0",
            "Digest s3cret",
        ] {
            assert!(!with(wrong), "{wrong}");
        }
        assert!(!authorised(Some("s3cret"), &HeaderMap::new()));
        assert!(authorised(None, &HeaderMap::new()));
    }

    #[test]
    fn queries_are_decoded() {
        assert_eq!(decoded("http%3A%2F%2Fa%2F").as_deref(), Some("http://a/"));
        assert_eq!(decoded("a+b%20c").as_deref(), Some("a b c"));
        assert!(
            ["%", "%4", "%zz", "%ff"]
                .iter()
                .all(|wrong| decoded(wrong).is_none())
        );
    }
}
