//! From what was typed to what is meant: all relations between options, no file and no socket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::uri::Authority;

use super::args::{
    self, ExpectationArgs, Inconclusive, JudgementArgs, OutputArgs, RunArgs, VantageArgs,
};
use super::failure::Failure;
use super::objectives;
use super::request::{RequestConfig, request};
use super::traffic::{ArrivalKind, LoadArgs, WarmupAmount};
use crate::plan::{Reuse, Spacing, Stop, Warmup};
use crate::report::{Format, format};
use crate::route::{Implementation, Origin, Proxy, Vantage};
use crate::split::{Expected, parse_weights};
use crate::units::{Count, Rate};
use crate::verdict::mapping::MapRule;
use crate::verdict::slo::Slo;
use crate::verdict::{Balancing, Number, Policy};

/// Everything `run` needs to know, files not yet read.
#[derive(Debug)]
pub(super) struct RunConfig {
    /// What every request says, and to whom.
    pub(super) request: RequestConfig,
    /// What is declared.
    pub(super) declared: Declaration,
    /// From where the mesh is seen.
    pub(super) vantage: Vantage,
    /// `--bucket`, checked.
    pub(super) bucket: Vec<String>,
    /// `--map`.
    pub(super) map: Vec<MapRule>,
    /// How sure the answer has to be.
    pub(super) policy: Policy,
    /// `--slo`.
    pub(super) slos: Vec<Slo>,
    /// What an inconclusive run counts as.
    pub(super) inconclusive: Option<Inconclusive>,
    /// How much is sent, and how.
    pub(super) load: LoadConfig,
    /// Where the answer goes.
    pub(super) output: OutputConfig,
}

/// Where the declaration comes from.
#[derive(Debug)]
pub(super) enum Declaration {
    /// Nothing is declared.
    None,
    /// `--expect`.
    Weights(Expected),
    /// `-f`.
    Manifests(Vec<PathBuf>),
    /// Texts with their names: the demo's own.
    Embedded(&'static [(&'static str, &'static str)]),
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// As typed.
    Exactly(Stop),
    /// Until the answer is certain, at most so many; `None` for as many as the declaration may take.
    UntilDecided(Option<u64>),
    /// Until it is certain that the split is another one, at most so many.
    UntilDiverged(Option<u64>),
    /// As many as a single judgement takes, or as typed.
    Planned(Option<u64>),
}

/// How much is sent, and how.
#[derive(Debug)]
pub(super) struct LoadConfig {
    /// How much is sent.
    pub(super) amount: Amount,
    /// When sending ends at the latest, counted from its beginning.
    pub(super) max_duration: Option<Duration>,
    /// The longest wait for a stationary split before the run.
    pub(super) settle: Option<Duration>,
    /// Starts at a rate.
    pub(super) pace: Option<PaceConfig>,
    /// What is sent first and does not count.
    pub(super) warmup: Warmup,
    /// Over how long the first connections are spread.
    pub(super) ramp_up: Duration,
    /// Requests at a time on one connection.
    pub(super) streams: u32,
    /// Connections, at least 1.
    pub(super) connections: u32,
    /// Whether they are few because an objective is about latencies and nothing was said about the load.
    pub(super) modest: bool,
    /// Threads, at least 1; `None` for one per core.
    pub(super) threads: Option<u32>,
    /// Requests per connection; `None` for what suits the amount.
    pub(super) reuse: Option<Reuse>,
    /// For an answer.
    pub(super) timeout: Duration,
    /// For a connection.
    pub(super) connect_timeout: Duration,
}

/// An open loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaceConfig {
    /// Over all connections.
    pub(super) rate: Rate,
    /// The gaps between the starts.
    pub(super) spacing: Spacing,
    /// The most requests under way; `None` for what suits the connections.
    pub(super) in_flight: Option<u32>,
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

/// Connections where nothing is said; where a latency is to be judged at no load that was asked for, so few that most servers
/// do not queue.
const CONNECTIONS: u64 = 100;
const MODEST_CONNECTIONS: u64 = 10;
const MOST_CONNECTIONS: u64 = 100_000;
const MOST_THREADS: u64 = 1024;
const MOST_STREAMS: u64 = 10_000;

impl TryFrom<RunArgs> for RunConfig {
    type Error = Failure;

    fn try_from(args: RunArgs) -> Result<Self, Failure> {
        let url = args
            .url
            .or(args.respy_url)
            .expect("clap requires one of the two");
        let policy = policy(&args.judgement, args.load.seed);
        let request = request(&url, args.request)?;
        if args.load.streams.is_some() && !request.route.protocol.multiplexes() {
            return Err(Failure::usage(
                "--streams: an HTTP/1.1 connection carries one request at a time",
                "add --http2, --h2c or --grpc, or use more connections with -c",
            ));
        }
        let host = request.headers.get(HOST).map(HeaderValue::as_bytes);
        if request.route.protocol.multiplexes()
            && host.is_some_and(|host| Authority::try_from(host).is_err())
        {
            return Err(Failure::usage(
                "the host of an HTTP/2 request is a name or an address, and a port where there is one",
                "write --host HOST or --host HOST:PORT, or leave --http2 and --h2c out",
            ));
        }
        let slos = objectives::read(&args.objectives.slo)?;
        Ok(Self {
            request,
            declared: declaration(&args.expectation)?,
            vantage: vantage(&args.expectation.vantage)?,
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
            output: output(args.output)?,
        })
    }
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
        let expected = parse_weights(&args.expect).map_err(|error| {
            Failure::usage(
                format!("--expect: {error}"),
                "name every target with its weight: --expect v1=90,v2=10",
            )
        })?;
        return Ok(Declaration::Weights(expected));
    }
    Ok(if args.filename.is_empty() {
        Declaration::None
    } else {
        Declaration::Manifests(args.filename.clone())
    })
}

/// From where the mesh is seen; the port that is dialled comes with the request.
pub(super) fn vantage(args: &VantageArgs) -> Result<Vantage, Failure> {
    let label = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let pair = pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is no label"),
                "write labels as --from-labels app=web,version=v1",
            )
        })
    };
    let gateway = |text: &String| {
        let pair = text
            .split_once('/')
            .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let (namespace, name) = pair.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is no gateway"),
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
    Ok(Vantage {
        istio: args.istio_version,
        implementation: match args.implementation {
            args::Implementation::Istio => Implementation::Istio,
            args::Implementation::EnvoyGateway => Implementation::EnvoyGateway,
            args::Implementation::Spec => Implementation::Spec,
        },
        ..Vantage::at(origin)
    })
}

/// How much is sent, and how; a test that looks once is given the number that it takes. `latency` where an objective is
/// about it.
fn load(args: &LoadArgs, test: Option<args::Test>, latency: bool) -> Result<LoadConfig, Failure> {
    let looks_once = args.requests.is_some() || args.duration.is_some() || args.no_early_stop;
    if test == Some(args::Test::Sequential) && looks_once {
        return Err(Failure::usage(
            "--test sequential looks after each response: it takes neither -n nor -z nor --no-early-stop",
            "cap the run with --max-requests N or --max-duration TIME, or leave --test out",
        ));
    }
    let once = matches!(test, Some(args::Test::Exact | args::Test::ChiSquare));
    let between = |name: &str, count: Count, most: u64| {
        let help = format!("give a number from 1 to {most}");
        let fits = (1..=most).contains(&count.0);
        if fits {
            Ok(u32::try_from(count.0).expect("at most 100000"))
        } else {
            Err(Failure::usage(
                format!("{name} cannot be {}", count.0),
                help,
            ))
        }
    };
    let positive = |name: &str, time: Duration| {
        let help = "give a time above zero, such as 20s";
        if time.is_zero() {
            Err(Failure::usage(format!("{name} cannot be zero"), help))
        } else {
            Ok(time)
        }
    };
    let at_least_one = |name: &str, count: Count| {
        if count.0 > 0 {
            return Ok(count.0);
        }
        let help = format!("leave {name} out, or give at least 1");
        Err(Failure::usage(format!("{name} cannot be 0"), help))
    };
    let most = args
        .max_requests
        .map(|count| at_least_one("--max-requests", count))
        .transpose()?;
    let amount = match (args.requests, args.duration) {
        (Some(count), _) => Amount::Exactly(Stop::Requests(at_least_one("--requests", count)?)),
        (None, Some(time)) => Amount::Exactly(Stop::Elapsed(positive("--duration", time.0)?)),
        (None, None) if args.no_early_stop || once => Amount::Planned(most),
        // A rate is there to be kept: a split that holds is no reason to end early, one that does not is.
        (None, None) if args.rate.is_some() => Amount::UntilDiverged(most),
        (None, None) => Amount::UntilDecided(most),
    };
    let settle = args
        .settle
        .map(|time| positive("--settle", time.0))
        .transpose()?;
    let reuse = match args.reuse {
        _ if args.disable_keepalive => Some(Reuse::Between { min: 1, max: 1 }),
        Some((min, max)) => Some(Reuse::Between { min, max }),
        None => None,
    };
    let warmup = match args.warmup {
        None => Warmup::None,
        Some(WarmupAmount::Requests(count)) => Warmup::Requests(count.0),
        Some(WarmupAmount::Elapsed(time)) => Warmup::Elapsed(time.0),
    };
    let in_flight = args
        .in_flight
        .map(|count| between("--in-flight", count, MOST_CONNECTIONS))
        .transpose()?;
    let pace = args.rate.map(|rate| PaceConfig {
        rate,
        spacing: match args.arrival {
            ArrivalKind::Constant => Spacing::Constant,
            ArrivalKind::Poisson => Spacing::Poisson,
        },
        in_flight,
    });
    let max_duration = args
        .max_duration
        .map(|time| positive("--max-duration", time.0))
        .transpose()?;
    let unsaid = args.connections.is_none() && args.requests.is_none();
    let modest = latency && unsaid && args.duration.is_none() && args.rate.is_none();
    let connections = args.connections.unwrap_or(Count(if modest {
        MODEST_CONNECTIONS
    } else {
        CONNECTIONS
    }));
    Ok(LoadConfig {
        amount,
        max_duration,
        settle,
        pace,
        warmup,
        ramp_up: args.ramp_up.map_or(Duration::ZERO, |time| time.0),
        streams: between("--streams", args.streams.unwrap_or(Count(1)), MOST_STREAMS)?,
        connections: between("--connections", connections, MOST_CONNECTIONS)?,
        modest,
        threads: args
            .threads
            .map(|threads| between("--threads", threads, MOST_THREADS))
            .transpose()?,
        reuse,
        timeout: positive("--timeout", args.timeout.0)?,
        connect_timeout: positive("--connect-timeout", args.connect_timeout.0)?,
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
            .ok_or_else(|| Failure::usage(format!("`{text}` names no file"), help))?;
        let format = format(name).ok_or_else(|| {
            Failure::usage(
                format!("`{name}` is no report format"),
                format!("there are {}", names()),
            )
        })?;
        if path.is_empty() || path == "-" {
            Err(Failure::usage(format!("`{text}` names no file"), help))
        } else {
            Ok((format, PathBuf::from(path)))
        }
    };
    let files = args.report.iter().map(file).collect::<Result<_, _>>()?;
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
