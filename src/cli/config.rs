//! From what was typed to what is meant; no file and no socket yet.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::args::{
    self, ExpectationArgs, Inconclusive, JudgementArgs, OutputArgs, RunArgs, VantageArgs,
};
use super::failure::Failure;
use super::gateway;
use super::generator::Share;
use super::load_config::{LoadConfig, load};
use super::log_file;
use super::output;
use super::proxy_admin::AdminChoice;
use super::record;
use super::relations;
use super::request::{RequestConfig, request};
use super::secrets::Query;
use super::sidecar::WaitProxy;
use super::slo;
use super::vary::Variable;
use crate::diag::{Code, Note};
use crate::manifest::ObjectName;
use crate::report::{Format, format};
use crate::route::{Implementation, Origin, Proxy, Vantage};
use crate::split::{Expected, parse_weights, sum_beside_hundred};
use crate::units::{Count, percent};
use crate::verdict::mapping::MapRule;
use crate::verdict::slo::Slo;
use crate::verdict::{Balancing, Number, Policy};

/// Users of `--sessions`: each has cookies of its own.
const MOST_USERS: u32 = 1_000_000;

/// Everything `run` needs to know, files not yet read.
#[derive(Debug)]
pub(super) struct RunConfig {
    /// What every request says, and to whom.
    pub(super) request: RequestConfig,
    pub(super) declared: Declaration,
    /// From where the mesh is seen.
    pub(super) vantage: Vantage,
    /// `--proxy-admin`.
    pub(super) proxy_admin: Option<AdminChoice>,
    /// `--bucket`, checked.
    pub(super) bucket: Vec<String>,
    pub(super) map: Vec<MapRule>,
    /// How sure the answer has to be.
    pub(super) policy: Policy,
    /// `--slo`.
    pub(super) slos: Vec<Slo>,
    /// What an inconclusive run counts as.
    pub(super) inconclusive: Option<Inconclusive>,
    /// How much is sent, and how.
    pub(super) load: LoadConfig,
    /// `--wait-proxy`.
    pub(super) wait_proxy: Option<WaitProxy>,
    /// `--generator` and `--start-at`.
    pub(super) share: Share,
    /// Where the answer goes.
    pub(super) output: OutputConfig,
    /// A request for every rule of the host.
    pub(super) all_rules: bool,
    /// What requests differ in.
    pub(super) vary: Vec<Variable>,
    /// Users who keep their cookies.
    pub(super) sessions: Option<u32>,
    /// One request, to be looked at.
    pub(super) debug: bool,
    /// Where a line for each request goes.
    pub(super) log: Option<PathBuf>,
    /// Whether secrets in a query are shown.
    pub(super) query: Query,
    /// `--label`.
    pub(super) labels: BTreeMap<String, String>,
    /// What was typed, without its secrets.
    pub(super) argv: Vec<String>,
}

impl RunConfig {
    /// What was meant, and what was typed.
    pub(super) fn typed(args: RunArgs, typed: &[OsString]) -> Result<Self, Failure> {
        let query = Query::of(args.request.show_query);
        Ok(Self {
            argv: record::masked(typed, query),
            ..Self::try_from(args)?
        })
    }
}

/// Where the declaration comes from.
#[derive(Debug)]
pub(super) enum Declaration {
    /// Nothing is declared.
    None,
    /// `--expect`, and what is odd about it.
    Weights(Expected, Option<Note>),
    /// `-f`, and the object that `--object` chooses.
    Manifests(Vec<PathBuf>, Option<ObjectName>),
    /// Texts with their names: the demo's own.
    Embedded(&'static [(&'static str, &'static str)]),
}

impl Declaration {
    /// The object whose split is meant, where one is named.
    pub(super) fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::Manifests(_, chosen) => chosen.as_ref(),
            _ => None,
        }
    }
}

/// Where the answer goes.
#[derive(Debug)]
pub(super) struct OutputConfig {
    /// Written to stdout.
    pub(super) format: &'static Format,
    /// Also written to files.
    pub(super) files: Vec<(&'static Format, PathBuf)>,
    /// The options as typed; terminals are looked at later.
    pub(super) args: OutputArgs,
}

impl TryFrom<RunArgs> for RunConfig {
    type Error = Failure;

    fn try_from(args: RunArgs) -> Result<Self, Failure> {
        let mut args = args;
        let share = Share::of(&args.generator, &mut args.load)?;
        let url = args
            .url
            .or(args.respy_url)
            .expect("clap requires one of the two");
        let policy = policy(&args.judgement, args.load.seed);
        let query = Query::of(args.request.show_query);
        let request = request(&url, &args.request)?;
        relations::of_load(
            &args.load,
            args.judgement.test,
            request.transport.protocol,
            &request.headers,
        )?;
        let slos = slo::read(&args.objectives.slo)?;
        slo::refuse_between_runs(&slos)?;
        let declared = declaration(&args.expectation)?;
        let vantage = vantage(&args.expectation.vantage)?;
        let output = output(args.output)?;
        if !matches!(declared, Declaration::Manifests(..)) {
            gateway::without_manifests(&vantage)?;
        }
        let config = Self {
            request,
            declared,
            vantage,
            proxy_admin: args.proxy.proxy_admin,
            bucket: args.expectation.bucket,
            map: args.expectation.map,
            policy: Policy {
                require_healthy: args.objectives.require_healthy,
                ..policy
            },
            load: load(
                &args.load,
                args.judgement.test,
                slos.iter().any(Slo::measures_latency),
            )?,
            slos,
            inconclusive: args.judgement.inconclusive,
            wait_proxy: WaitProxy::of(&args.sidecar)?,
            share,
            log: log_file::path(args.log, &output.files)?,
            output,
            all_rules: args.all_rules,
            vary: args.vary,
            sessions: sessions(args.sessions)?,
            debug: args.debug,
            query,
            labels: record::labels(&args.label)?,
            argv: Vec::new(),
        };
        if config.all_rules {
            relations::of_all_rules(&[
                (!config.slos.is_empty(), "--slo"),
                (config.policy.require_healthy, "--require-healthy"),
                (config.load.settle.is_some(), "--settle"),
                (config.debug, "--debug"),
                (config.log.is_some(), "--log"),
                (config.share.generator.is_some(), "--generator"),
                (!config.vary.is_empty(), "--vary"),
                (config.sessions.is_some(), "--sessions"),
            ])?;
        }
        Ok(config)
    }
}

/// The users of `--sessions`.
fn sessions(typed: Option<Count>) -> Result<Option<u32>, Failure> {
    typed
        .map(|count| {
            let users = u32::try_from(count.0).ok();
            users
                .filter(|users| (1..=MOST_USERS).contains(users))
                .ok_or_else(|| {
                    Failure::usage(
                        format!("--sessions cannot be {}", count.0),
                        format!("give a number from 1 to {MOST_USERS}"),
                    )
                })
        })
        .transpose()
}

/// How sure the answer has to be.
pub(super) fn policy(args: &JudgementArgs, seed: u64) -> Policy {
    Policy {
        alpha: args.alpha,
        beta: args.beta,
        tolerance: args.tolerance.get(),
        resolution: args
            .resolution
            .map(crate::units::Fraction::get)
            .filter(|resolution| *resolution > 0.0),
        max_unattributed: args.max_unattributed.get(),
        allow_unexpected: args.allow_unexpected.0,
        balancing: match args.balancing {
            args::Balancing::Request => Balancing::Request,
            args::Balancing::Connection => Balancing::Connection,
            args::Balancing::Any => Balancing::Any,
        },
        // How many requests there are is settled with the plan.
        number: Number::Planned,
        test: args.test.map(Into::into),
        seed,
        require_healthy: false,
    }
}

/// Where the declaration comes from: `--expect` overrides `-f`.
pub(super) fn declaration(args: &ExpectationArgs) -> Result<Declaration, Failure> {
    if !args.expect.is_empty() {
        let (expected, odd) = weights(&args.expect)?;
        return Ok(Declaration::Weights(expected, odd));
    }
    Ok(if args.filename.is_empty() {
        Declaration::None
    } else {
        Declaration::Manifests(args.filename.clone(), args.chosen.object.clone())
    })
}

/// The split of `--expect`, and what is odd about it.
pub(super) fn weights(texts: &[String]) -> Result<(Expected, Option<Note>), Failure> {
    let expected = parse_weights(texts).map_err(|error| {
        Failure::usage(
            format!("--expect: {error}"),
            "name every target with its weight: --expect v1=90,v2=10",
        )
    })?;
    let odd = sum_beside_hundred(texts).map(|sum| odd_sum(&sum, &expected));
    Ok((expected, odd))
}

/// Weights that were probably meant to be percentages.
fn odd_sum(sum: &str, expected: &Expected) -> Note {
    let shares = expected.declared().iter().map(|target| {
        let share = percent(target.share.as_f64());
        format!("`{}` counts as {share}", target.name)
    });
    let shares: Vec<String> = shares.collect();
    Note::new(
        Code::ExpectSum,
        format!(
            "the weights of --expect add up to {sum}: {}",
            shares.join(", ")
        ),
    )
}

/// From where the mesh is seen; the port that is dialled comes with the request.
pub(super) fn vantage(args: &VantageArgs) -> Result<Vantage, Failure> {
    let label = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a valid label"),
                "write labels as --from-labels app=web,version=v1",
            )
        })
    };
    // What has no namespace is looked up in the manifests.
    let gateway = |text: &String| {
        let pair = match text.split_once('/') {
            None => Some(("", text.as_str())),
            Some(pair) => Some(pair).filter(|(namespace, _)| !namespace.is_empty()),
        };
        let pair = pair.filter(|(_, name)| !name.is_empty() && !name.contains('/'));
        let (namespace, name) = pair.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a valid gateway"),
                "write it as --gateway NAMESPACE/NAME",
            )
        })?;
        Ok::<_, Failure>(Origin::Gateway {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    };
    let labels: BTreeMap<String, String> = args
        .from_labels
        .iter()
        .map(label)
        .collect::<Result<_, _>>()?;
    let origin = match args.gateway.as_ref().filter(|name| *name != "mesh") {
        Some(name) => gateway(name)?,
        None => Origin::Mesh {
            namespace: args.from_namespace.clone(),
            labels: (!labels.is_empty()).then_some(labels),
            proxy: if args.waypoint {
                Proxy::Waypoint
            } else {
                Proxy::Sidecar
            },
        },
    };
    let at_gateway = matches!(origin, Origin::Gateway { .. });
    Ok(Vantage {
        proxies: args.from_namespace.clone().filter(|_| at_gateway),
        istio: args.istio_version,
        implementation: args.implementation.map(|who| match who {
            args::Implementation::Istio => Implementation::Istio,
            args::Implementation::EnvoyGateway => Implementation::EnvoyGateway,
            args::Implementation::Spec => Implementation::Spec,
        }),
        ..Vantage::at(origin)
    })
}

pub(super) fn output(args: OutputArgs) -> Result<OutputConfig, Failure> {
    let names = || {
        crate::report::FORMATS
            .iter()
            .map(|format| format.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let file = |text: &String| {
        let help = "write it as --report FORMAT=PATH, as in --report json=run.json";
        let (name, path) = text
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{text}` does not name a file"), help))?;
        let format = format(name).ok_or_else(|| {
            Failure::usage(
                format!("`{name}` is not a known report format"),
                format!("write one of {}", names()),
            )
        })?;
        if path.is_empty() {
            Err(Failure::usage(
                format!("`{text}` does not name a file"),
                help,
            ))
        } else {
            Ok((format, PathBuf::from(path)))
        }
    };
    let files: Vec<(&Format, PathBuf)> = args.report.iter().map(file).collect::<Result<_, _>>()?;
    for (at, (_, path)) in files.iter().enumerate() {
        if files[..at]
            .iter()
            .any(|(_, other)| output::same_file(other, path))
        {
            return Err(Failure::usage(
                format!("two reports would be written to `{}`", path.display()),
                "give each report a file of its own",
            ));
        }
    }
    Ok(OutputConfig {
        format: format(&args.output).expect("clap knows the formats"),
        files,
        args,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::args::{Cli, Command};
    use super::*;
    use clap::Parser;

    /// What these arguments of `run` mean.
    pub(in crate::cli) fn config(arguments: &[&str]) -> Result<RunConfig, Failure> {
        let cli = Cli::try_parse_from([&["resplit", "run"], arguments].concat()).expect("syntax");
        let Some(Command::Run(run)) = cli.command else {
            panic!("not `run`")
        };
        RunConfig::try_from(*run)
    }

    #[test]
    fn without_options_the_policy_is_the_default_one() {
        for arguments in [&["http://a"][..], &["http://a", "--resolution", "auto"]] {
            assert_eq!(config(arguments).expect("a URL").policy, Policy::default());
        }
    }

    #[test]
    fn a_latency_is_judged_at_a_modest_load_unless_one_is_asked_for() {
        let load = |more: &[&str]| {
            let load = config(&[more, &["http://a"]].concat()).expect("a URL").load;
            (load.connections, load.modest)
        };
        for slo in [
            "v1.p99 < 1s",
            "v1.mean < v2.mean",
            "v1.max < 1s",
            "v1.p50 > v2.p50 * 2",
        ] {
            assert_eq!(load(&["--slo", slo]), (10, true), "{slo}");
            for typed in [&["-n", "50"], &["-z", "1s"], &["-q", "9"], &["-c", "100"]] {
                let asked = load(&[&["--slo", slo][..], typed].concat());
                assert_eq!(asked, (100, false), "{slo} {typed:?}");
            }
        }
        for slo in ["v1.errors < 1%", "all.rps > 5", "v1.share > 5%"] {
            assert_eq!(load(&["--slo", slo]), (100, false), "{slo}");
        }
        assert_eq!(load(&["-c", "10"]), (10, false));
        assert_eq!(load(&[]), (100, false));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_next_step() {
        for arguments in [
            &["-n", "0"][..],
            &["-c", "0"],
            &["--threads", "0"],
            &["-z", "0s"],
            &["-t", "0"],
            &["--expect", "v1"],
            &["--expect", "v1=0"],
            &["-H", "nocolon"],
            &["-H", "a b: c"],
            &["-m", "G T"],
            &["--report", "json"],
            &["--report", "pdf=x"],
            &["--gateway", "name"],
            &["--from-labels", "app"],
        ] {
            let message = config(&[arguments, &["http://a"]].concat())
                .expect_err(arguments[0])
                .render();
            assert!(
                message.starts_with("error: ") && message.contains("\nhelp: "),
                "{arguments:?}: {message}"
            );
        }
    }
}
