//! `fault` of an HTTP route: the part of the requests that the proxy answers or delays by itself.

use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;

/// The smallest percentage that is not 0: Envoy counts in millionths.
const FINEST: f64 = 0.0001;

/// `fault.abort`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultAbort {
    /// The HTTP status of the answer.
    pub status: u16,
    /// How many requests, in percent.
    pub percentage: f64,
}

/// `fault`: the abort, and the delay as a notable field.
pub(super) fn fault(
    route: &mut Fields<'_, '_>,
    notable: &mut Vec<At<&'static str>>,
    decoder: &mut Decoder<'_>,
) -> Option<FaultAbort> {
    let mut fault = route.map("fault", "a fault", decoder)?;
    let delayed = fault.place("delay");
    if let Some(mut delay) = fault.map("delay", "a delay", decoder) {
        let all = percentage(&mut delay, decoder) >= 100.0;
        notable.extend(delayed.map(|span| At {
            value: if all {
                "fault.delay.all"
            } else {
                "fault.delay"
            },
            span,
        }));
        delay.duration("fixedDelay", decoder);
        delay.duration("exponentialDelay", decoder);
        delay.finish(decoder);
    }
    let abort = fault.map("abort", "an abort", decoder);
    fault.finish(decoder);
    let mut abort = abort?;
    let percentage = percentage(&mut abort, decoder);
    let status = abort.integer("httpStatus", 200..=599, decoder);
    // A gRPC status travels in a trailer: the HTTP status stays 200.
    let grpc = abort.place("grpcStatus").map(|span| At {
        value: "fault.abort.grpcStatus",
        span,
    });
    abort.ignore(&["http2Error"]);
    let (place, written) = (abort.span, abort.place("httpStatus").is_some());
    abort.finish(decoder);
    let status = match (status, grpc) {
        (Some(status), _) => u16::try_from(status.value).ok()?,
        (None, Some(grpc)) => {
            notable.push(grpc);
            200
        }
        (None, None) if written => return None,
        (None, None) => {
            let problem = Note::new(
                Code::MissingField,
                "an abort needs an `httpStatus` or a `grpcStatus`",
            );
            decoder.report(problem.at(place, ""));
            return None;
        }
    };
    Some(FaultAbort { status, percentage })
}

/// `percentage.value`, or the older whole `percent`; unset means none.
fn percentage(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> f64 {
    let old = fields.integer("percent", 0..=100, decoder);
    let percentage =
        fields
            .map("percentage", "a percentage", decoder)
            .and_then(|mut percentage| {
                let value = percentage
                    .get("value")
                    .and_then(|node| decoder.number(node, "value"));
                percentage.finish(decoder);
                value
            });
    match (percentage, old) {
        // "percentage is neither 0.0, nor in range [0.0001, 100.0]".
        (Some(At { value, span }), _) if value > 0.0 && value < FINEST => {
            let message = format!("a percentage above 0 must be at least {FINEST}");
            let problem = Note::new(Code::OutOfRange, message).at(span, "");
            decoder.report(problem.help("Istio refuses this object"));
            0.0
        }
        (Some(At { value, span }), _) if !(0.0..=100.0).contains(&value) => {
            decoder.report(
                Note::new(Code::OutOfRange, "a percentage must be between 0 and 100").at(span, ""),
            );
            0.0
        }
        (Some(percentage), _) => percentage.value,
        (None, Some(old)) => f64::from(u8::try_from(old.value).unwrap_or_default()),
        (None, None) => 0.0,
    }
}
