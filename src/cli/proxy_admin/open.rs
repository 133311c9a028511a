//! Which admin interface is read: the one that is typed, or that of a proxy in this pod.
#![allow(
    clippy::disallowed_methods,
    reason = "whether this is a pod is told by the environment"
)]

use std::time::Duration;

use super::super::warn;
use super::AdminChoice;
use crate::admin::ServerInfo;
use crate::diag::{Severity, Sources};
use crate::load::admin::{AdminAddress, AdminClient, AdminError, Limits};
use crate::manifest::parse;

/// What a page may take.
const LIMITS: Limits = Limits {
    bytes: 128 << 20,
    time: Duration::from_secs(15),
};
/// Where an interface is looked for: that of a sidecar of Istio, and that of a proxy of Envoy Gateway.
const USUAL: [u16; 2] = [15000, 19000];
/// How long one is looked for.
const LOOK: Limits = Limits {
    bytes: 4 << 20,
    time: Duration::from_millis(500),
};
/// What every pod has in its environment.
const IN_POD: &str = "KUBERNETES_SERVICE_HOST";
/// The dump of a proxy under the name of its interface.
pub(in crate::cli) struct NamedDump {
    name: String,
    text: String,
}

impl NamedDump {
    /// Reads it beside the manifests.
    pub(in crate::cli) fn add_to(self, sources: &mut Sources) {
        sources.add(format!("{}/config_dump", self.name), self.text);
    }
}

/// The whole dump of a proxy, for a command that sends nothing; none unless it is asked for. That there is none goes to stderr.
pub(in crate::cli) fn whole_dump(choice: Option<&AdminChoice>, quiet: bool) -> Option<NamedDump> {
    let read = || {
        let Some((mut client, _)) = open(choice, false)? else {
            return Ok(None);
        };
        let name = client.address().to_string();
        let text = client.get("/config_dump?include_eds");
        let text = text.map_err(|error| unread(&name, &error.to_string()))?;
        let mut sources = Sources::new();
        sources.add(&name, &text);
        let (_, problems) = parse(&sources);
        let error = problems.iter().find(|one| one.severity == Severity::Error);
        match error {
            Some(problem) => Err(unread(&name, &problem.message)),
            None => Ok(Some(NamedDump { name, text })),
        }
    };
    read().unwrap_or_else(|message: String| {
        if !quiet {
            warn(&format!("warning: {message}\n"));
        }
        None
    })
}

/// A client, and what the proxy says of itself, where it does.
type Opened = (AdminClient, Option<ServerInfo>);

/// A client of the interface that is chosen, and what the proxy says of itself. In a run without a choice one is looked for in
/// pods; what is looked for and not there is no news.
pub(super) fn open(choice: Option<&AdminChoice>, in_run: bool) -> Result<Option<Opened>, String> {
    let address = match choice {
        Some(AdminChoice::Off) => return Ok(None),
        Some(AdminChoice::At(address)) => address.clone(),
        None if !in_run || std::env::var_os(IN_POD).is_none() => return Ok(None),
        None => match usual() {
            Some(address) => address,
            None => return Ok(None),
        },
        Some(AdminChoice::Auto) => usual().ok_or_else(|| {
            "no proxy has its admin interface on port 15000 or 19000 of 127.0.0.1: what it has been told and what it counted is not \
             known"
                .to_owned()
        })?,
    };
    let name = address.to_string();
    let client = AdminClient::new(address, LIMITS);
    let mut client = client.map_err(|error| unread(&name, &error.to_string()))?;
    match client.get("/server_info") {
        Ok(page) => {
            let info = ServerInfo::read(&page).ok().filter(ServerInfo::is_envoy);
            let info = info.ok_or_else(|| unread(&name, "it is not that of an Envoy"))?;
            Ok(Some((client, Some(info))))
        }
        // Some pages may be allowed where others are not.
        Err(AdminError::Status { .. }) => Ok(Some((client, None))),
        Err(error) => Err(unread(&name, &error.to_string())),
    }
}

/// The interface of a proxy in this pod.
fn usual() -> Option<AdminAddress> {
    let mut addresses = USUAL.iter().map(|port| AdminAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: *port,
        prefix: String::new(),
    });
    addresses.find(|address| info(address).is_some())
}

/// What is quickly said at an address where a proxy may have its interface.
fn info(address: &AdminAddress) -> Option<ServerInfo> {
    let mut client = AdminClient::new(address.clone(), LOOK).ok()?;
    let page = client.get("/server_info").ok()?;
    ServerInfo::read(&page).ok().filter(ServerInfo::is_envoy)
}

/// Whether the proxy in this pod is a native sidecar, where its interface tells that.
pub(in crate::cli) fn is_native_sidecar(choice: Option<&AdminChoice>) -> Option<bool> {
    let address = match choice {
        Some(AdminChoice::Off) => return None,
        Some(AdminChoice::At(address)) => address.clone(),
        Some(AdminChoice::Auto) | None => usual()?,
    };
    info(&address)?.native_sidecar
}

/// Why there is nothing of an interface.
pub(super) fn unread(name: &str, why: &str) -> String {
    format!("the admin interface of the proxy, {name}, was not read: {why}")
}
