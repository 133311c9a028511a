//! A ReferenceGrant: which routes of other namespaces may name objects of its own.

use super::GROUP;
use super::api_route::ApiRoute;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// A ReferenceGrant.
#[derive(Clone, Debug)]
pub struct ReferenceGrant {
    /// Its identity; it grants access to its own namespace.
    pub meta: Meta,
    /// Who may refer: group, kind, namespace.
    pub from: Vec<[String; 3]>,
    /// To what: group, kind, and a name unless it is all of them.
    pub to: Vec<(String, String, Option<String>)>,
}

impl ReferenceGrant {
    /// A ReferenceGrant from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a ReferenceGrant spec", decoder)?;
        let from = spec.list("from", decoder, |node, decoder| {
            let mut fields = decoder.map(node, "an item of `from`")?;
            let group = fields.text("group", decoder);
            let kind = fields.required("kind", decoder);
            let namespace = fields.required("namespace", decoder);
            fields.finish(decoder);
            Some([
                group.map_or_else(String::new, |group| group.value),
                kind?.value,
                namespace?.value,
            ])
        });
        let to = spec.list("to", decoder, |node, decoder| {
            let mut fields = decoder.map(node, "an item of `to`")?;
            let group = fields.text("group", decoder);
            let kind = fields.required("kind", decoder);
            let name = fields.text("name", decoder);
            fields.finish(decoder);
            let name = name.map(|name| name.value).filter(|name| !name.is_empty());
            let group = group.map_or_else(String::new, |group| group.value);
            Some((group, kind?.value, name))
        });
        spec.finish(decoder);
        Some(Self { meta, from, to })
    }

    /// Whether it lets a route name an object of this group, kind and name in the namespace of the grant.
    #[must_use]
    pub fn allows(&self, route: &ApiRoute, group: &str, kind: &str, name: &str) -> bool {
        let from = |[of, is, namespace]: &[String; 3]| {
            of == GROUP && is == route.kind.name() && *namespace == route.meta.namespace
        };
        let to = |(of, is, only): &(String, String, Option<String>)| {
            of == group && is == kind && only.as_ref().is_none_or(|only| only == name)
        };
        self.from.iter().any(from) && self.to.iter().any(to)
    }
}
