//! `resplit job`: a Kubernetes Job of several generators, to be applied with kubectl. Nothing is sent.
#![allow(
    clippy::disallowed_methods,
    reason = "a common start is counted from now on"
)]

mod objects;

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::args::{JobArgs, Mesh, RunArgs};
use super::cluster_bucket;
use super::config::RunConfig;
use super::exit::Exit;
use super::failure::Failure;
use super::report_output::to_stdout;
use super::{help, input, secrets, warn};
use crate::diag::Sources;
use objects::Job;

/// Pods of a Job, at most.
const MOST_GENERATORS: u64 = 1000;
/// Bytes of manifests: what fits into a `ConfigMap`, and a little less.
const MOST_BYTES: usize = 1_000_000;
/// The longest name: pods get a number and a suffix behind it.
const LONGEST_NAME: usize = 52;
/// Options of `job` itself, and those of the run that the Job sets.
const OWN: [&str; 13] = [
    "generators",
    "name",
    "namespace",
    "image",
    "start_in",
    "ttl",
    "cpu",
    "memory",
    "mesh",
    "filename",
    "start_at",
    "wait_proxy",
    "quit_proxy",
];
/// Options that name a file of this machine, or say where the report goes.
const REFUSED: [(&str, &str); 14] = [
    (
        "all_rules",
        "runs of several rules are not merged: run it without a Job, or describe a request of one rule",
    ),
    (
        "sessions",
        "runs of users are not merged: run it without a Job, with kubectl exec",
    ),
    (
        "log",
        "the pods cannot write a file: the report keeps how single requests ended",
    ),
    (
        "output",
        "each generator writes its report into its log: merge them with resplit report -",
    ),
    (
        "report",
        "each generator writes its report into its log: merge them with resplit report -",
    ),
    (
        "debug",
        "run it without --debug, or in a pod with kubectl exec",
    ),
    ("generator", "each pod gets its own number"),
    (
        "data_file",
        "the pods do not have this file: write the body with -d",
    ),
    ("unix_socket", "the pods do not have this socket"),
    (
        "cacert",
        "the pods do not have this file: add a volume to the Job by hand",
    ),
    (
        "cert",
        "the pods do not have this file: add a Secret to the Job by hand",
    ),
    (
        "key",
        "the pods do not have this file: add a Secret to the Job by hand",
    ),
    ("respy_url", "write the URL by itself"),
    ("quiet", "leave it out: the log of a pod is no terminal"),
];

/// Prints the Job.
pub(super) fn run(args: JobArgs, typed: &[OsString]) -> Result<Exit, Failure> {
    let (count, mesh, image) = (args.generators.0, args.mesh, args.image.clone());
    if !(1..=MOST_GENERATORS).contains(&count) {
        return Err(Failure::usage(
            format!("--generators cannot be {count}"),
            format!("give a number from 1 to {MOST_GENERATORS}"),
        ));
    }
    let start = start(&args);
    let name = match &args.name {
        Some(name) => checked(name)?,
        None => format!(
            "resplit-{}",
            start.replace(['-', ':'], "").to_ascii_lowercase()
        ),
    };
    let manifests = manifests(&args.run)?;
    let matches = help::whole().try_get_matches_from(typed);
    let matches = matches.expect("it was understood before");
    let matches = matches
        .subcommand_matches("job")
        .expect("it is this command");
    let mut options = passed_on(matches)?;
    if mesh == Mesh::Sidecar {
        let wait = args
            .run
            .sidecar
            .wait_proxy
            .map_or(String::new(), |limit| format!("={:?}", limit.0));
        options.extend([format!("--wait-proxy{wait}"), "--quit-proxy".to_owned()]);
    }
    if manifests.is_some() {
        options.push("--filename=/manifests".to_owned());
    }
    let secrets = has_secrets(&args.run);
    let namespace = args.namespace.clone();
    let job = Job {
        name: &name,
        namespace: namespace.as_deref(),
        image: &image,
        count,
        start: &start,
        ttl: args.ttl.0,
        cpu: &args.cpu,
        memory: &args.memory,
        mesh,
        options,
        manifests,
    };
    let text = job.text();
    check(args.run, count)?;
    to_stdout(Ok(text.into_bytes()))?;
    let place = namespace.map_or(String::new(), |namespace| format!(" -n {namespace}"));
    if secrets {
        warn(
            "warning: the Job holds credentials as they were typed: whoever may read Jobs can read them\n",
        );
    }
    warn(&format!(
        "next: apply it before {start}; then\n  kubectl wait{place} --for='jsonpath={{.status.conditions}}' --timeout=1h job/{name}\n  kubectl \
         logs{place} -l job-name={name} -c resplit --prefix --tail=-1 | resplit report -\n"
    ));
    Ok(Exit::Pass)
}

/// What makes no sense for a generator makes none for the Job.
fn check(mut run: RunArgs, count: u64) -> Result<(), Failure> {
    let of = u32::try_from(count).expect("at most a thousand");
    run.generator.generator = Some(crate::report::GeneratorNumber { index: of - 1, of });
    cluster_bucket::fitted(RunConfig::try_from(run)?).map(drop)
}

/// When the generators begin, in whole seconds.
fn start(args: &JobArgs) -> String {
    let second = Duration::from_secs(1);
    let soon = || SystemTime::now() + args.start_in.0 + second;
    let start = args.run.generator.start_at.unwrap_or_else(soon);
    humantime::format_rfc3339_seconds(start).to_string()
}

/// The name of an object of Kubernetes, and of a label.
fn checked(name: &str) -> Result<String, Failure> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = [name.chars().next(), name.chars().next_back()];
    let alphanumeric = |edge: Option<char>| edge.is_some_and(|c| c.is_ascii_alphanumeric());
    if name.len() <= LONGEST_NAME
        && name.chars().all(letters)
        && edges.into_iter().all(alphanumeric)
    {
        return Ok(name.to_owned());
    }
    Err(Failure::usage(
        format!("`{name}` is not a valid name of a Job"),
        format!(
            "use at most {LONGEST_NAME} of a-z, 0-9 and -, with a letter or digit first and last"
        ),
    ))
}

/// The manifests of the run, which come with the Job.
fn manifests(run: &RunArgs) -> Result<Option<Sources>, Failure> {
    let files = &run.expectation.filename;
    if files.is_empty() || !run.expectation.expect.is_empty() {
        return Ok(None);
    }
    let sources = input::manifests(files)?;
    let bytes: usize = sources.iter().map(|(_, source)| source.text().len()).sum();
    if bytes > MOST_BYTES {
        return Err(Failure::usage(
            format!("the manifests are {bytes} bytes, and a ConfigMap takes {MOST_BYTES}"),
            "pass only the objects that concern the split: kubectl get vs,dr,svc,deploy -n NAMESPACE -o yaml",
        ));
    }
    Ok(Some(sources))
}

fn has_secrets(run: &RunArgs) -> bool {
    let secret = |field: &String| {
        field
            .split_once(':')
            .is_some_and(|(name, _)| secrets::is_secret(name))
    };
    run.request.auth.is_some() || run.request.header.iter().any(secret)
}

/// The options of the run as each generator gets them, and the URL. kubelet would expand `$(NAME)` in them.
fn passed_on(matches: &ArgMatches) -> Result<Vec<String>, Failure> {
    let command = help::whole();
    let job = command.find_subcommand("job").expect("it is a command");
    let typed = |arg: &&Arg| {
        let source = matches.try_get_raw(arg.get_id().as_str()).ok().flatten();
        source.is_some()
            && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let mut options = Vec::new();
    for arg in job.get_arguments().filter(typed) {
        let option = arg.get_id().as_str();
        if let Some((_, help)) = REFUSED.iter().find(|(own, _)| *own == option) {
            let long = arg.get_long().unwrap_or("u");
            return Err(Failure::usage(
                format!("--{long} makes no sense in a Job"),
                *help,
            ));
        }
        if OWN.contains(&option) {
            continue;
        }
        let Some(long) = arg.get_long() else {
            continue;
        };
        if !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
            options.push(format!("--{long}"));
            continue;
        }
        for value in matches.get_raw(option).into_iter().flatten() {
            let value = value.to_string_lossy();
            let file = match option {
                "data" => value.starts_with('@').then_some("write the body itself"),
                "vary" => value.contains("=@").then_some("write a range, uuid or seq"),
                _ => None,
            };
            if let Some(help) = file {
                let message = format!("--{long} {value} names a file that the pods do not have");
                return Err(Failure::usage(message, help));
            }
            options.push(format!("--{long}={}", value.replace('$', "$$")));
        }
    }
    let url: Option<&String> = matches.get_one("url");
    options.extend(url.map(|url| url.replace('$', "$$")));
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_kubernetes() {
        for name in ["a", "resplit-8", "0a"] {
            assert!(checked(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(53)] {
            assert!(checked(name).is_err(), "{name}");
        }
    }
}
