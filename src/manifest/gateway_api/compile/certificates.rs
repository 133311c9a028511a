//! Listeners that do not listen because none of their Secrets holds a certificate.

use crate::manifest::gateway_api::objects::{Gateway, Listener};
use crate::manifest::secret::Secret;

/// Why a listener has no certificate: "the listener is not programmed". Secrets that are not given are taken to exist.
pub(super) fn without_certificate(
    secrets: &[Secret],
    gateway: &Gateway,
    listener: &Listener,
) -> Option<String> {
    let broken = |(name, namespace): &(String, Option<String>)| {
        let home = namespace.as_ref().unwrap_or(&gateway.meta.namespace);
        let mut given = secrets.iter();
        let secret = given.find(|one| one.meta.name == *name && one.meta.namespace == *home)?;
        let lacks = secret.lacks.as_ref()?;
        Some(format!("{} {lacks}", secret.meta))
    };
    let reasons: Option<Vec<String>> = listener.certificates.iter().map(broken).collect();
    let why = reasons?.into_iter().next()?;
    let name = &listener.name.value;
    Some(format!(
        "the listener `{name}` of {} does not listen: its certificate {why}",
        gateway.meta
    ))
}
