//! Why manifests declare no split for a request, with the next step.

use crate::cli::failure::Failure;
use crate::diag::Sources;
use crate::manifest::NoSuchObject;
use crate::route::{ResolveError, SoleSplitError};

/// Why a request is not judged, with the next step.
pub(in crate::cli) fn unresolved(error: &ResolveError, sources: &Sources) -> Failure {
    let place = match error {
        ResolveError::Unsupported(note) => note.place(),
        _ => None,
    };
    let place = place.map_or_else(String::new, |span| format!(" ({})", sources.place(span)));
    let help = error.help().unwrap_or_else(|| {
        "name the file that declares the split with -f, or declare the split with --expect"
            .to_owned()
    });
    Failure::usage(format!("{error}{place}"), help)
}

pub(super) fn missing(error: &NoSuchObject) -> Failure {
    let names: Vec<String> = error.declaring.iter().map(ToString::to_string).collect();
    let help = match &names[..] {
        [] => "leave --object out, or name another file with -f".to_owned(),
        names => format!("choose one of {}", names.join(", ")),
    };
    Failure::usage(format!("--object: {error}"), help)
}

pub(super) fn unclear(error: &SoleSplitError) -> Failure {
    if let SoleSplitError::Unsupported(note) = error
        && let Some(help) = &note.help
    {
        return Failure::usage(error.to_string(), help.clone());
    }
    let help = match error {
        SoleSplitError::Several { .. } => {
            "give the URL of the request, and -H, -m or --host as it is sent; its rule is used"
                .to_owned()
        }
        SoleSplitError::InactiveRule {
            help: Some(help), ..
        } => help.clone(),
        _ => "name the file that declares the split with -f, or declare the split with --expect"
            .to_owned(),
    };
    Failure::usage(error.to_string(), help)
}
