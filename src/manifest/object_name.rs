//! The name by which one object is chosen: `KIND/NAMESPACE/NAME`, and a split of it where it has several.

use std::fmt;
use std::str::FromStr;

use super::Manifests;
use super::canary::Role;
use super::kube::Meta;

/// `TrafficSplit/shop/web`, or `IngressRoute/shop/web/spec.routes[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// One of its splits.
    pub split: Option<String>,
}

/// Why a text names no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of an object is KIND/NAMESPACE/NAME, as in VirtualService/default/web")]
pub struct ObjectNameError;

/// There is no such object that declares a split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifests hold no {name} that declares a split")]
pub struct NoSuchObject {
    name: ObjectName,
    /// Those that there are.
    pub declaring: Vec<ObjectName>,
}

impl ObjectName {
    /// The name of an object.
    pub(super) fn of(meta: &Meta, split: Option<String>) -> Self {
        Self {
            kind: meta.kind.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            split,
        }
    }

    fn is(&self, meta: &Meta) -> bool {
        self.kind == meta.kind && self.namespace == meta.namespace && self.name == meta.name
    }
}

impl FromStr for ObjectName {
    type Err = ObjectNameError;

    fn from_str(text: &str) -> Result<Self, ObjectNameError> {
        let mut parts = text.splitn(4, '/').map(str::to_owned);
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (kind, namespace, name) = (part(), part(), part());
        let split = parts.next();
        match (kind, namespace, name, split) {
            (Some(kind), Some(namespace), Some(name), split)
                if split.as_ref().is_none_or(|split| !split.is_empty()) =>
            {
                Ok(Self {
                    kind,
                    namespace,
                    name,
                    split,
                })
            }
            _ => Err(ObjectNameError),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)?;
        match &self.split {
            Some(split) => write!(f, "/{split}"),
            None => Ok(()),
        }
    }
}

impl Manifests {
    /// Leaves one object that declares a split, and everything that it refers to.
    pub fn choose(&mut self, chosen: &ObjectName) -> Result<(), NoSuchObject> {
        let declaring = self.declaring();
        let is_there = |name: &ObjectName| {
            name.kind == chosen.kind
                && name.namespace == chosen.namespace
                && name.name == chosen.name
                && (chosen.split.is_none() || name.split == chosen.split)
        };
        if !declaring.iter().any(is_there) {
            return Err(NoSuchObject {
                name: chosen.clone(),
                declaring,
            });
        }
        let dropped: Vec<ObjectName> = declaring
            .into_iter()
            .filter(|name| {
                ObjectName {
                    split: chosen.split.clone(),
                    ..name.clone()
                } != *chosen
            })
            .collect();
        let kept = |meta: &Meta| chosen.is(meta);
        // A VirtualService without hosts is a part of one that delegates to it.
        self.virtual_services
            .retain(|one| one.hosts.is_empty() || kept(&one.meta));
        self.http_routes.retain(|one| kept(&one.meta));
        self.grpc_routes.retain(|one| kept(&one.meta));
        self.connection_routes.retain(|one| kept(&one.meta));
        self.canaries
            .retain(|one| matches!(one.role, Role::Primary(_)) || kept(&one.meta));
        self.weights_only.retain(|one| kept(&one.meta));
        if let Some(split) = &chosen.split {
            for object in &mut self.weights_only {
                object.splits.retain(|one| one.label == *split);
            }
        }
        self.objects.retain(|object| {
            !dropped.iter().any(|name| {
                name.kind == object.kind
                    && name.namespace == object.namespace
                    && name.name == object.name
            })
        });
        Ok(())
    }

    /// The objects that declare a split, by name; each split of those that have several.
    fn declaring(&self) -> Vec<ObjectName> {
        let services = self.virtual_services.iter();
        let services = services.filter(|one| !one.hosts.is_empty());
        let routes = self.api_routes();
        let canaries = self.canaries.iter();
        let canaries = canaries.filter(|one| !matches!(one.role, Role::Primary(_)));
        let metas = (services.map(|one| &one.meta))
            .chain(routes.map(|one| &one.meta))
            .chain(canaries.map(|one| &one.meta));
        let splits = self.weights_only.iter().flat_map(|one| {
            let several = one.splits.len() > 1;
            let splits = one.splits.iter();
            splits.map(move |split| ObjectName::of(&one.meta, several.then(|| split.label.clone())))
        });
        metas
            .map(|meta| ObjectName::of(meta, None))
            .chain(splits)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_it_is_written() {
        for text in [
            "TrafficSplit/shop/web",
            "IngressRoute/shop/web/spec.routes[1]",
        ] {
            let name: ObjectName = text.parse().expect("a name");
            assert_eq!(name.to_string(), text);
        }
        for text in ["", "web", "shop/web", "TrafficSplit//web", "A/b/c/"] {
            assert_eq!(text.parse::<ObjectName>(), Err(ObjectNameError), "{text}");
        }
    }
}
