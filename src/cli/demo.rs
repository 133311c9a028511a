//! The founding story in one process: a mesh of one proxy and two versions of the weather service on loopback, and the
//! main job run against it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use clap::{Parser, ValueEnum};
use http::header::{HeaderValue, SERVER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::args::{Cli, DemoArgs, Scenario};
use super::config::{Declaration, RunConfig};
use super::exit::Exit;
use super::failure::Failure;
use super::{run, warn};

/// What a scenario shows.
struct Story {
    scenario: Scenario,
    /// Where its manifests lie.
    folder: &'static str,
    manifests: &'static [(&'static str, &'static str)],
    /// How often `single`, `multiple`, and the proxy itself with 503 respond.
    serves: [u32; 3],
    /// Options beside `-f` and the host.
    options: &'static [&'static str],
    /// What is wrong, or right.
    tale: &'static str,
}

static STORIES: [Story; 5] = [
    Story {
        scenario: Scenario::Healthy,
        folder: "examples/weather/fixed",
        manifests: &[
            (
                "weather-service.yaml",
                include_str!("../../examples/weather/fixed/weather-service.yaml"),
            ),
            (
                "weather-rules.yaml",
                include_str!("../../examples/weather/fixed/weather-rules.yaml"),
            ),
        ],
        serves: [90, 10, 0],
        options: &[],
        tale: "the mesh splits 90/10, as the VirtualService declares",
    },
    Story {
        scenario: Scenario::MissingSubset,
        folder: "examples/demo/missing-subset.yaml",
        manifests: &[(
            "missing-subset.yaml",
            include_str!("../../examples/demo/missing-subset.yaml"),
        )],
        serves: [90, 0, 10],
        options: &[],
        tale: "the VirtualService sends 10 % to a subset that no DestinationRule defines",
    },
    Story {
        scenario: Scenario::NoSidecar,
        folder: "examples/demo/no-sidecar.yaml",
        manifests: &[(
            "no-sidecar.yaml",
            include_str!("../../examples/demo/no-sidecar.yaml"),
        )],
        serves: [50, 50, 0],
        options: &["--from-labels", "app=web"],
        tale: "the VirtualService declares 90/10, and the client has no sidecar that could apply it",
    },
    Story {
        scenario: Scenario::GatewayOnly,
        folder: "examples/demo/gateway-only.yaml",
        manifests: &[(
            "gateway-only.yaml",
            include_str!("../../examples/demo/gateway-only.yaml"),
        )],
        serves: [50, 50, 0],
        options: &[],
        tale: "the VirtualService declares 90/10 at a gateway, and the request comes from the mesh",
    },
    Story {
        scenario: Scenario::Broken,
        folder: "examples/weather/broken",
        manifests: &[
            (
                "weather-service.yaml",
                include_str!("../../examples/weather/broken/weather-service.yaml"),
            ),
            (
                "weather-rules.yaml",
                include_str!("../../examples/weather/broken/weather-rules.yaml"),
            ),
        ],
        serves: [50, 50, 0],
        // The last Istio that did not look at the bytes of a port whose name says nothing.
        options: &["--istio-version", "1.2"],
        tale: "the VirtualService declares 90/10, but the mesh does not apply it",
    },
];
const VERSIONS: [&str; 2] = ["single", "multiple"];
/// The same story every time it is told.
const SEED: u64 = 5;

/// Starts the mesh and judges it.
pub(super) fn run(args: DemoArgs) -> Result<Exit, Failure> {
    let story = STORIES.iter().find(|story| story.scenario == args.scenario);
    let story = story.expect("every scenario has a story");
    let address = serve(story.serves).map_err(Failure::Mesh)?;
    let url = format!("http://{address}/version");
    let mut typed = vec!["resplit", "--host", "weather-backend:5000"];
    typed.extend(story.options);
    typed.push(&url);
    let quiet = args.output.quiet;
    if !quiet {
        warn(&format!(
            "demo: {}; what follows is the output of\n  resplit -f {} {}\n\n",
            story.tale,
            story.folder,
            typed[1..].join(" ")
        ));
    }
    let mut cli = Cli::try_parse_from(&typed).expect("the demo's own command line");
    cli.run.output = args.output;
    let mut config = RunConfig::try_from(cli.run)?;
    config.declared = Declaration::Embedded(story.manifests);
    let exit = run::run(&config)?;
    if story.scenario == Scenario::default() && !quiet {
        warn(&format!("\nwhat goes wrong elsewhere:\n{}", others()));
    }
    Ok(exit)
}

/// The other scenarios, one in a line.
fn others() -> String {
    let others = STORIES
        .iter()
        .filter(|story| story.scenario != Scenario::default());
    let lines = others.filter_map(|story| {
        let value = story.scenario.to_possible_value()?;
        let help = value.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        Some(format!("  resplit demo {:14}  {help}\n", value.get_name()))
    });
    lines.collect()
}

/// Serves the two versions, and 503, with these weights on a free port of 127.0.0.1, on a thread that ends with the process.
fn serve(weights: [u32; 3]) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    thread::Builder::new()
        .name("demo-mesh".to_owned())
        .spawn(move || {
            LocalSet::new().block_on(&runtime, async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    accept(listener, weights).await;
                }
            });
        })?;
    Ok(address)
}

async fn accept(listener: TcpListener, weights: [u32; 3]) {
    let rng = Arc::new(Mutex::new(Xoshiro256PlusPlus::seed_from_u64(SEED)));
    // An accept that fails (out of file descriptors) is tried again with the next connection.
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let rng = Arc::clone(&rng);
        tokio::task::spawn_local(async move {
            let pick = service_fn(move |_: Request<Incoming>| {
                let draw = rng
                    .lock()
                    .expect("a draw does not panic")
                    .random_range(0..weights.iter().sum::<u32>());
                async move { Ok::<_, io::Error>(response(draw, weights)) }
            });
            // A client that goes away is none of the mesh's business.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), pick)
                .await;
        });
    }
}

/// What a draw below the sum of the weights is answered with.
fn response(draw: u32, [single, multiple, _]: [u32; 3]) -> Response<Full<Bytes>> {
    let version = [single, single + multiple]
        .iter()
        .position(|below| draw < *below)
        .map(|at| VERSIONS[at]);
    let mut response = Response::new(Full::new(Bytes::from(match version {
        Some(version) => format!("weather-backend: {version}\n"),
        None => String::new(),
    })));
    if version.is_none() {
        // As Envoy does where a route names a cluster that it does not have.
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let server = HeaderValue::from_static("envoy");
        response.headers_mut().insert(SERVER, server);
    }
    response
}
