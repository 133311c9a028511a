//! How many pods stand behind each target of a split, as far as the manifests say: what the traffic follows where no
//! route rule is applied.

use super::Manifests;
use crate::split::{Expected, Target, TargetShare};

/// The pods of each target, in the order of the declaration. `None` unless every target is a destination with workloads
/// of its own among these manifests, and there is a pod at all.
#[must_use]
pub fn pods(manifests: &Manifests, expected: &Expected) -> Option<Vec<u64>> {
    let declared = expected.declared();
    let names = declared
        .iter()
        .flat_map(|declared| &declared.identifiers.workloads);
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    if names.len() < all {
        return None;
    }
    let pods: Option<Vec<u64>> = declared
        .iter()
        .map(|declared| of_target(manifests, declared))
        .collect();
    pods.filter(|pods| pods.iter().sum::<u64>() > 0)
}

fn of_target(manifests: &Manifests, declared: &TargetShare) -> Option<u64> {
    if !matches!(declared.target, Target::Destination(_))
        || declared.identifiers.workloads.is_empty()
    {
        return None;
    }
    let own = |name: &String| {
        let mut known = manifests
            .workloads
            .iter()
            .filter(|workload| workload.meta.name == *name);
        // The same name in another namespace could be meant as well.
        known
            .next()
            .filter(|_| known.next().is_none())
            .map(|workload| workload.replicas)
    };
    declared.identifiers.workloads.iter().map(own).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::manifest::{lower, parse};
    use crate::route::{Probe, Vantage, resolve};

    const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, subsets: [ { name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } } ] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [ web ]
  http:
    - route:
        - { destination: { host: web, subset: v1 }, weight: 90 }
        - { destination: { host: web, subset: v2 }, weight: 10 }
";

    fn deployment(version: &str, replicas: &str) -> String {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web-{version} }}\nspec: {{ {replicas}template: \
             {{ metadata: {{ labels: {{ app: web, version: {version} }} }} }} }}\n"
        )
    }

    fn counted(text: String) -> Option<Vec<u64>> {
        let mut sources = Sources::new();
        sources.add("rules.yaml", text);
        let (manifests, problems) = parse(&sources);
        assert!(problems.is_empty(), "{problems:?}");
        let probe = Probe::new("GET", &http::Uri::from_static("http://web/"))?;
        let table = lower(&manifests, &Vantage::mesh(None, None).dialling(&probe));
        let expected = resolve(&table, &probe).expect("a host").expected(&sources);
        pods(&manifests, &expected)
    }

    #[test]
    fn replicas_count_and_one_is_what_is_not_said() {
        let both = format!(
            "{RULES}{}{}",
            deployment("v1", "replicas: 3, "),
            deployment("v2", "")
        );
        assert_eq!(counted(both), Some(vec![3, 1]));
    }

    #[test]
    fn a_target_without_a_workload_leaves_the_number_unknown() {
        assert_eq!(
            counted(format!("{RULES}{}", deployment("v1", "replicas: 3, "))),
            None
        );
        let none = format!(
            "{RULES}{}{}",
            deployment("v1", "replicas: 0, "),
            deployment("v2", "replicas: 0, ")
        );
        assert_eq!(counted(none), None);
    }
}
