//! What has to be said of a run that went otherwise than it was typed.

use crate::cli::load_plan::Planned;
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::units::counted;

pub(super) fn resolved_by_proxy(host: &str) -> Note {
    Note::new(
        Code::ResolveUnused,
        format!(
            "the proxy of -x looks up `{host}`, so --resolve has no effect: --connect-to says which host the proxy connects to"
        ),
    )
}

pub(super) fn confined(planned: &Planned) -> Note {
    let connections = u64::from(planned.plan.connections);
    let were = if connections == 1 { "was" } else { "were" };
    let connections = counted(connections, "connection");
    Note::new(
        Code::FewDescriptors,
        format!(
            "this process may not have more open files, so there {were} {connections} where there usually are more: raise its \
             limit (ulimit -n), or give a number with -c"
        ),
    )
}

pub(in crate::cli) fn cut_short(seen: &Observation) -> Note {
    Note::new(
        Code::Interrupted,
        format!(
            "interrupted: judged on the {} requests sent until then",
            seen.sent
        ),
    )
}
