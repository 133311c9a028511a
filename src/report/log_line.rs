//! One request of a run as a line of JSON, for `--log`. Nothing of it is needed to judge a run again: that stands in the report.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::observe::{FailureCause, FailureKind, LoggedRequest, Outcome, Setup};
use crate::split::{Bucket, Expected};
use crate::verdict::attribution::{Classification, label_of};
use crate::verdict::mapping::{MapRule, target_of};

/// A bucket as the lines of its responses show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBucket {
    label: String,
    target: Option<String>,
    status: u16,
}

/// The fields of a line; the names are those of the report where it has the same.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    start_ms: f64,
    sequence: u64,
    connection: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttfb_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<FailureCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_after_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ms: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resent: bool,
}

impl LoggedBucket {
    /// The bucket, and the declared target that its value names by itself.
    #[must_use]
    pub fn new(bucket: &Bucket, declared: Option<(&Expected, &[MapRule])>) -> Self {
        let target = declared.and_then(|(expected, rules)| target_of(expected, rules, bucket));
        let place = target.map_or(Classification::Unattributed, Classification::Target);
        let expected = declared.map(|(expected, _)| expected);
        let name = |at: usize| expected.map(|expected| expected.declared()[at].name.clone());
        Self {
            label: label_of(bucket, place, expected),
            target: target.and_then(name),
            status: bucket.status,
        }
    }
}

/// Writes the line of a request of a run that began then; `bucket` is that of its response.
pub fn log_line(
    request: &LoggedRequest,
    began: SystemTime,
    bucket: Option<&LoggedBucket>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let failure = match &request.outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Answered(_) => None,
    };
    let answered = failure.is_none();
    let Setup { dns, connect, tls } = request.setup.unwrap_or_default();
    let line = Line {
        time: humantime::format_rfc3339_micros(began + request.begun).to_string(),
        start_ms: ms(request.begun),
        sequence: request.sequence,
        connection: request.connection,
        status: bucket.map(|bucket| bucket.status),
        bucket: bucket.map(|bucket| bucket.label.as_str()),
        target: bucket.and_then(|bucket| bucket.target.as_deref()),
        response_ms: answered.then(|| ms(request.response())),
        service_ms: answered.then(|| ms(request.service())),
        ttfb_ms: request.time_to_first_byte().map(ms),
        bytes: answered.then_some(request.bytes),
        failure: failure.map(|failure| failure.kind),
        cause: failure.and_then(|failure| failure.cause),
        message: failure.map(|failure| failure.message.as_str()),
        failed_after_ms: failure.map(|_| ms(request.late.unwrap_or_default() + request.took)),
        late_ms: request.late.map(ms),
        blocked_ms: request.blocked.filter(|time| !time.is_zero()).map(ms),
        dns_ms: dns.map(ms),
        connect_ms: connect.map(ms),
        tls_ms: tls.map(ms),
        resent: request.resent,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Failure;
    use crate::split::Identity;

    const MS: Duration = Duration::from_millis(1);

    fn request(outcome: Outcome<usize>) -> LoggedRequest {
        LoggedRequest {
            sequence: 7,
            connection: 3,
            begun: 1500 * MS,
            late: None,
            blocked: Some(Duration::ZERO),
            setup: None,
            first_byte: Some(2 * MS),
            took: 5 * MS,
            bytes: 12,
            resent: false,
            outcome,
        }
    }

    fn line(request: &LoggedRequest, bucket: Option<&LoggedBucket>) -> String {
        let mut bytes = Vec::new();
        log_line(request, SystemTime::UNIX_EPOCH, bucket, &mut bytes).expect("memory");
        String::from_utf8(bytes).expect("JSON")
    }

    #[test]
    fn a_response_has_the_times_that_the_report_has() {
        let bucket = Bucket {
            identity: Identity::Value("v1\n".to_owned()),
            status: 200,
        };
        let bucket = LoggedBucket::new(&bucket, None);
        let kept = request(Outcome::Answered(0));
        assert_eq!(
            line(&kept, Some(&bucket)),
            "{\"time\":\"1970-01-01T00:00:01.500000Z\",\"start_ms\":1500.0,\"sequence\":7,\"connection\":3,\"status\":200,\
             \"bucket\":\"v1\\n\",\"response_ms\":5.0,\"service_ms\":5.0,\"ttfb_ms\":2.0,\"bytes\":12}\n"
        );
        let opened = LoggedRequest {
            late: Some(3 * MS),
            blocked: Some(MS),
            setup: Some(Setup {
                dns: None,
                connect: Some(MS),
                tls: None,
            }),
            ..kept
        };
        // From the intended start: 3 ms late, 1 ms to connect, 4 ms from the send.
        let shown = line(&opened, Some(&bucket));
        let times = "\"response_ms\":8.0,\"service_ms\":4.0,\"ttfb_ms\":6.0,\"bytes\":12,\"late_ms\":3.0,\"blocked_ms\":1.0,\
                     \"connect_ms\":1.0}";
        assert!(shown.contains(times), "{shown}");
    }

    #[test]
    fn a_failure_has_its_kind_and_no_latency() {
        let failure = Failure::new(FailureKind::Connect, "refused");
        let failed = LoggedRequest {
            blocked: None,
            first_byte: None,
            ..request(Outcome::Failed(failure))
        };
        let shown = line(&failed, None);
        let end = "\"connection\":3,\"failure\":\"connect\",\"message\":\"refused\",\"failed_after_ms\":5.0}\n";
        assert!(shown.ends_with(end), "{shown}");
    }
}
