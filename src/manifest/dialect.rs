//! A kind of object that is understood: its name, its versions, and what decodes it.

use super::Manifests;
use super::decode::Decoder;
use super::fields::Fields;
use super::kube::Meta;

/// One kind of object that is understood.
pub(super) struct Dialect {
    pub(super) group: &'static str,
    pub(super) versions: &'static [&'static str],
    pub(super) kind: &'static str,
    pub(super) decode: fn(Meta, &mut Fields<'_, '_>, &mut Decoder<'_>, &mut Manifests),
}

/// A kind whose objects a function decodes into a list of the manifests.
macro_rules! dialect {
    ($group:expr, $versions:expr, $kind:expr, $list:ident, $decode:path $(, $of:expr)?) => {
        $crate::manifest::dialect::Dialect {
            group: $group,
            versions: $versions,
            kind: $kind,
            decode: |meta, fields, decoder, to| {
                to.$list.extend($decode($($of,)? meta, fields, decoder));
            },
        }
    };
}
pub(super) use dialect;
