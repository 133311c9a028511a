//! Laws of the dialects that declare weights: shares are the weights, and weights that share nothing out
//! have the outcome that the dialect gives them. What each of them reads is in `tests/manifests/weights_*.yaml` and
//! `tests/manifests/canary_*.yaml`.

use proptest::prelude::*;
use resplit::diag::{Note, Severity, Sources};
use resplit::manifest::{lower, parse};
use resplit::route::{Probe, Vantage, resolve};
use resplit::split::{Expected, Mechanism, Share};

/// A dialect: its name, how it picks, and an object for the host `web.default` that gives these weights to `a` and `b`.
type Dialect = (&'static str, Mechanism, fn(u32, u32) -> String);

const DIALECTS: [Dialect; 6] = [
    ("SMI", Mechanism::Iid, |a, b| {
        format!(
            "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {{name: web}}\nspec: {{service: web, \
             backends: [{{service: a, weight: {a}}}, {{service: b, weight: {b}}}]}}\n"
        )
    }),
    ("Traefik", Mechanism::Wrr, |a, b| {
        format!(
            "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {{name: web}}\nspec: {{routes: [{{match: \
             Host(`web.default`), services: [{{name: a, weight: {a}}}, {{name: b, weight: {b}}}]}}]}}\n"
        )
    }),
    ("Kuma", Mechanism::Iid, |a, b| {
        format!(
            "apiVersion: kuma.io/v1alpha1\nkind: MeshHTTPRoute\nmetadata: {{name: web}}\nspec: {{to: [{{targetRef: {{kind: \
             MeshService, name: web}}, rules: [{{default: {{backendRefs: [{{name: a, weight: {a}}}, {{name: b, weight: {b}}}]}}}}]}}]}}\n"
        )
    }),
    ("OpenShift", Mechanism::Iid, |a, b| {
        format!(
            "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {{name: web}}\nspec: {{host: web.default, to: {{name: a, \
             weight: {a}}}, alternateBackends: [{{name: b, weight: {b}}}]}}\n"
        )
    }),
    ("Argo Rollouts", Mechanism::Iid, |a, b| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec: {{strategy: {{canary: {{stableService: \
             web, canaryService: web-canary, trafficRouting: {{nginx: {{}}}}}}}}}}\nstatus: {{canary: {{weights: {{stable: {{weight: {a}}}, canary: {{weight: {b}}}}}}}}}\n"
        )
    }),
    ("ingress-nginx", Mechanism::Iid, |a, b| {
        let ingress = |name: &str, service: &str| {
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec: {{rules: [{{host: web.default, http: {{paths: [{{path: /, \
                 pathType: Prefix, backend: {{service: {{name: {service}}}}}}}]}}}}]}}\nmetadata:\n  name: {name}\n"
            )
        };
        let key = "nginx.ingress.kubernetes.io/canary";
        format!(
            "{}---\n{}  annotations: {{{key}: 'true', {key}-weight: '{b}', {key}-weight-total: '{}'}}\n",
            ingress("web", "a"),
            ingress("web-canary", "b"),
            a + b
        )
    }),
];

/// What is declared for a request to `web.default`, or the problems.
fn declared(text: &str) -> Result<Expected, Vec<Note>> {
    let mut sources = Sources::new();
    sources.add("t.yaml", text);
    let (manifests, problems) = parse(&sources);
    if !problems.is_empty() {
        return Err(problems);
    }
    let url = "http://web.default/".parse().expect("a URL");
    let probe = Probe::new("GET", &url).expect("an absolute URL");
    let table = lower(&manifests, &Vantage::mesh(None, None).dialling(&probe));
    let resolution = resolve(&table, &probe).unwrap_or_else(|error| panic!("{error}: {text}"));
    Ok(resolution.expected(&sources))
}

proptest! {
    #[test]
    fn shares_are_weights_over_their_sum(a in 0_u32..=200, b in 0_u32..=200) {
        prop_assume!(a + b > 0);
        for (name, mechanism, manifest) in DIALECTS {
            let expected = declared(&manifest(a, b));
            let expected = expected.unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
            prop_assert_eq!(expected.mechanism, mechanism, "{}", name);
            let shares: Vec<Share> = expected.declared().iter().map(|one| one.share).collect();
            let share = |weight: u32| Share::new(weight.into(), (a + b).into()).expect("a share");
            prop_assert_eq!(shares, [share(a), share(b)], "{}", name);
        }
    }
}

/// `OpenShift`: "if all services have weight 0, requests are returned with a 503 error"; Kuma and Traefik reply the same.
#[test]
fn weights_that_are_all_zero_are_an_outcome() {
    for (name, _, manifest) in &DIALECTS[..4] {
        let expected = declared(&manifest(0, 0));
        let expected = expected.unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let [declared] = expected.declared() else {
            panic!("{name}: {expected:?}");
        };
        assert_eq!(declared.name, "status 503", "{name}");
        assert_eq!(declared.share, Share::ONE, "{name}");
    }
}

#[test]
fn controllers_whose_weights_share_nothing_out_are_an_error_with_a_place_and_a_next_step() {
    for (name, _, manifest) in &DIALECTS[4..] {
        let problems = declared(&manifest(0, 0)).expect_err(name);
        let [problem] = &problems[..] else {
            panic!("{name}: {problems:?}");
        };
        assert_eq!(
            (problem.severity, problem.code.id()),
            (Severity::Error, "zero_total"),
            "{name}"
        );
        assert!(
            !problem.labels.is_empty() && problem.help.is_some(),
            "{name}"
        );
    }
}

/// "Envoy weights are scaled by 100": a hundredth is as fine as it gets, and the sum is 100.
#[test]
fn consul_counts_in_hundredths() {
    let splitter = |a: &str, b: &str| {
        declared(&format!(
            "Kind: service-splitter\nName: web\nSplits: [{{Weight: {a}, ServiceSubset: a}}, {{Weight: {b}, ServiceSubset: b}}]\n"
        ))
    };
    let expected = splitter("99.99", "0.01").expect("a split");
    let shares: Vec<String> = expected
        .declared()
        .iter()
        .map(|one| one.share.to_string())
        .collect();
    assert_eq!(shares, ["9999/10000", "1/10000"]);
    assert_eq!(
        splitter("90", "9.99").expect_err("no 100")[0].code.id(),
        "weight_sum"
    );
}

/// "unset all = equal".
#[test]
fn contour_shares_evenly_what_has_no_weight() {
    for weights in ["", ", weight: 0"] {
        let expected = declared(&format!(
            "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {{name: web}}\nspec: {{virtualhost: {{fqdn: web.default}}, \
             routes: [{{services: [{{name: a, port: 80{weights}}}, {{name: b, port: 80{weights}}}]}}]}}\n"
        ));
        let expected = expected.expect("a split");
        let shares: Vec<String> = expected
            .declared()
            .iter()
            .map(|one| one.share.to_string())
            .collect();
        assert_eq!(shares, ["1/2", "1/2"], "{weights}");
    }
}
