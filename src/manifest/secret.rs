//! Secrets, as far as TLS needs them: whether they hold a certificate. What they hold is not kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::decode::Decoder;
use super::fields::Fields;
use super::kube::Meta;
use super::yaml::{Node, Value};

/// How a certificate and a key begin.
const PEM: &[u8] = b"-----BEGIN";

/// A Secret.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its identity.
    pub meta: Meta,
    /// Why it is no certificate with its key, as far as that can be read.
    pub lacks: Option<String>,
}

impl Secret {
    /// A Secret from the fields of its object.
    pub(super) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        _: &mut Decoder<'_>,
    ) -> [Self; 1] {
        let (encoded, plain) = (object.get("data"), object.get("stringData"));
        let keys = [["tls.crt", "cert"], ["tls.key", "key"]];
        let lacks = keys.iter().find_map(|names| {
            let found = names.iter().find_map(|name| {
                let encoded = encoded
                    .and_then(|data| data.get(name))
                    .map(|node| (node, true));
                encoded.or_else(|| plain?.get(name).map(|node| (node, false)))
            });
            match found {
                // Without any content it is a Secret that somebody has left out.
                None if encoded.is_none() && plain.is_none() => None,
                None => Some(format!("has no `{}`", names[0])),
                Some((node, encoded)) => {
                    no_pem(node, encoded).then(|| format!("has no PEM text in `{}`", names[0]))
                }
            }
        });
        [Self { meta, lacks }]
    }
}

/// Whether it is certain that a value is no PEM text; one that a tool has sealed may be.
fn no_pem(node: &Node<'_>, encoded: bool) -> bool {
    let Value::Scalar { text, .. } = &node.value else {
        return false;
    };
    let starts = |bytes: &[u8]| bytes.windows(PEM.len()).any(|part| part == PEM);
    if !encoded {
        return text.is_empty();
    }
    let packed: String = text.split_whitespace().collect();
    STANDARD.decode(packed).is_ok_and(|bytes| !starts(&bytes))
}
