//! What access policies do together to the requests of a client, as caveats.

use super::access::{Access, Action, Refusal};
use super::{Attached, Body, Reach};
use crate::diag::{Code, Note, Severity};
use crate::route::AppliesTo;

/// What policies in front of a destination or of a gateway do.
pub(in crate::manifest) struct Refused {
    /// Whether no request gets through.
    pub(in crate::manifest) all: bool,
    /// Why, and what else they may do.
    pub(in crate::manifest) caveats: Vec<Note<AppliesTo>>,
}

/// What policies do to requests of a client in a namespace; `to` is what they are in front of: `the pods of …`.
pub(in crate::manifest) fn refused(
    policies: &[(&Attached, Reach)],
    sender: Option<&str>,
    to: &str,
) -> Refused {
    let mut found = Refused {
        all: false,
        caveats: Vec::new(),
    };
    let of = |action: Action| {
        policies
            .iter()
            .filter_map(move |(policy, reach)| match &policy.body {
                Body::Access(access) if access.action == action => Some((*policy, access, *reach)),
                _ => None,
            })
    };
    for (policy, access, reach) in of(Action::Deny) {
        for refusal in access.denied(sender) {
            found.add(policy, refusal, reach, to);
        }
    }
    let sure = |reach: Reach| matches!(reach, Reach::All | Reach::Some);
    let allows: Vec<(&Attached, &Access, Reach)> = of(Action::Allow)
        .filter(|(.., reach)| sure(*reach))
        .collect();
    if let Some((first, _, reach)) = allows.iter().min_by_key(|(.., reach)| *reach != Reach::All) {
        let together = allows.iter().map(|(_, access, _)| *access);
        if let Some(refusal) = Access::not_allowed(together, sender) {
            found.add(first, refusal, *reach, to);
        }
    }
    let unsure = of(Action::Allow).filter(|(.., reach)| !sure(*reach));
    for (policy, ..) in unsure.chain(of(Action::Custom)) {
        found.add(policy, Refusal::Perhaps(None), Reach::Unknown, to);
    }
    found
}

impl Refused {
    fn add(&mut self, policy: &Attached, refusal: Refusal, reach: Reach, to: &str) {
        let pods = match reach {
            Reach::Some => "some of ",
            _ => "",
        };
        let (code, verb, which, only) = match (refusal, reach) {
            (Refusal::All, Reach::All) => {
                self.all = true;
                (Code::AccessDenied, "refuses", "every request", None)
            }
            (Refusal::All, Reach::Some) => (Code::AccessDenied, "refuses", "every request", None),
            (Refusal::All, _) => (Code::AccessLimited, "may refuse", "requests", None),
            (Refusal::Some(only), Reach::All | Reach::Some) => {
                (Code::AccessDenied, "refuses", "some requests", Some(only))
            }
            (Refusal::Some(only) | Refusal::Perhaps(Some(only)), _) => (
                Code::AccessLimited,
                "may refuse",
                "some requests",
                Some(only),
            ),
            (Refusal::Perhaps(None), _) => {
                (Code::AccessLimited, "may refuse", "some requests", None)
            }
        };
        let message = format!("{} {verb} {which} to {pods}{to} with 403", policy.meta);
        let caveat = Note::about(code, message, Some(policy.meta.span));
        let caveat = match code {
            Code::AccessDenied if only.is_none() && reach == Reach::All => {
                caveat.with_severity(Severity::Error)
            }
            _ => caveat.with_severity(Severity::Warning),
        };
        let caveat =
            caveat.help("let the client through, or expect 403 as a part of the responses");
        self.caveats.push(limited(caveat, only));
    }
}

fn limited(caveat: Note<AppliesTo>, only: Option<AppliesTo>) -> Note<AppliesTo> {
    match only {
        Some(only) => caveat.limited_to(only),
        None => caveat,
    }
}
