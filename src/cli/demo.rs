//! The founding story in one process: a mesh of one proxy and two versions of the weather service on loopback, and the
//! main job run against it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Parser;
use http::{Request, Response};
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

/// The manifests of the story, as they lie in `examples/weather`.
static FIXED: [(&str, &str); 2] = [
    (
        "weather-service.yaml",
        include_str!("../../examples/weather/fixed/weather-service.yaml"),
    ),
    (
        "weather-rules.yaml",
        include_str!("../../examples/weather/fixed/weather-rules.yaml"),
    ),
];
static BROKEN: [(&str, &str); 2] = [
    (
        "weather-service.yaml",
        include_str!("../../examples/weather/broken/weather-service.yaml"),
    ),
    (
        "weather-rules.yaml",
        include_str!("../../examples/weather/broken/weather-rules.yaml"),
    ),
];
const VERSIONS: [&str; 2] = ["single", "multiple"];
/// The last Istio that did not look at the bytes of a port whose name says nothing: the one of the story.
const OLD: &str = "1.2";
/// The same story every time it is told.
const SEED: u64 = 5;

/// Starts the mesh and judges it.
pub(super) fn run(args: DemoArgs) -> Result<Exit, Failure> {
    let (weights, manifests, tale) = match args.scenario {
        Scenario::Healthy => (
            [90, 10],
            &FIXED,
            "the mesh splits 90/10, as the VirtualService declares",
        ),
        Scenario::Broken => (
            [50, 50],
            &BROKEN,
            "the VirtualService declares 90/10, but the mesh does not apply it",
        ),
    };
    let address = serve(weights).map_err(Failure::Mesh)?;
    let url = format!("http://{address}/version");
    let mut typed = vec!["resplit", "--host", "weather-backend:5000", &url];
    if matches!(args.scenario, Scenario::Broken) {
        typed.extend(["--istio-version", OLD]);
    }
    if !args.output.quiet {
        let folder = match args.scenario {
            Scenario::Healthy => "fixed",
            Scenario::Broken => "broken",
        };
        warn(&format!(
            "demo: {tale}; what follows is the answer of\n  resplit -f examples/weather/{folder} {}\n\n",
            typed[1..].join(" ")
        ));
    }
    let mut cli = Cli::try_parse_from(typed).expect("the demo's own command line");
    cli.run.output = args.output;
    let mut config = RunConfig::try_from(cli.run)?;
    config.declared = Declaration::Embedded(manifests);
    run::run(&config)
}

/// Serves the two versions with these weights on a free port of 127.0.0.1, on a thread that ends with the process.
fn serve(weights: [u32; 2]) -> io::Result<SocketAddr> {
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

async fn accept(listener: TcpListener, weights: [u32; 2]) {
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
                let version = VERSIONS[usize::from(draw >= weights[0])];
                async move {
                    Ok::<_, io::Error>(Response::new(Full::new(Bytes::from(format!(
                        "weather-backend: {version}\n"
                    )))))
                }
            });
            // A client that goes away is none of the mesh's business.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), pick)
                .await;
        });
    }
}
