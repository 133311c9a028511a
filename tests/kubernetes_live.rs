//! What resplit prints and what stands below `deploy/`, given to a real API server by a real kubectl. It takes Go and the modules
//! of Kubernetes, so it is asked for:
//!
//! ```console
//! $ cargo test --test main -- --ignored kubernetes_live:: --test-threads=1
//! ```
//!
//! There is etcd, kube-apiserver and the controller of Jobs, and no node: `tests/kubernetes/kubelet` says that it is one, and runs
//! generators, and what is attached to an ephemeral container, as processes.

mod cluster;

use serde_json::Value;

use crate::support::cmd::run;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::wait_until;
use cluster::{Cluster, module};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The objects of a list that `kubectl get -o json` printed.
fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A namespace that takes no pod with more rights than it needs, and warns of whatever would make one.
fn namespace(cluster: &Cluster, name: &str) {
    let object = serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    } } });
    cluster
        .piped(&["apply", "-f", "-"], &object.to_string())
        .exits(0);
}

/// Of the pods of this Job: its name, and which of the generators it is.
fn generators(cluster: &Cluster, job: &str, place: &[&str]) -> Vec<(String, u64)> {
    let selector = format!("job-name={job}");
    let pods = cluster.get(&[&["pods", "-l", &selector], place].concat());
    let mut generators: Vec<(String, u64)> = items(&pods)
        .iter()
        .map(|pod| {
            let index = &pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"];
            let index = index.as_str().and_then(|index| index.parse().ok());
            let name = pod["metadata"]["name"].as_str().expect("a name").to_owned();
            (name, index.expect("an index"))
        })
        .collect();
    generators.sort_by_key(|(_, index)| *index);
    generators
}

/// Says of a pod what kubelet would: its container ended with this code.
fn ended(cluster: &Cluster, pod: &str, code: i32) {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let status = serde_json::json!({ "status": { "phase": phase, "containerStatuses": [{
        "name": "resplit", "ready": false, "restartCount": 0, "image": "resplit", "imageID": "",
        "state": { "terminated": { "exitCode": code } },
    }] } });
    let patch = status.to_string();
    cluster
        .kubectl(&[
            "patch",
            "pod",
            pod,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])
        .exits(0);
}

/// Applies the Job of three generators that is printed for these arguments, and lets them end. What was printed to wait for it
/// ends too, however they did.
fn applied(cluster: &Cluster, name: &str, codes: [i32; 3]) {
    let printed = run(&[
        "job",
        "--generators",
        "3",
        "--name",
        name,
        "-f",
        &format!("{REPOSITORY}/examples/weather/fixed"),
        "-q",
        "30",
        "-z",
        "1m",
        "http://weather-backend:5000/version",
    ])
    .exits(0);
    cluster
        .piped(&["apply", "-f", "-"], &printed.stdout)
        .exits(0);
    wait_until("the pods are there", || {
        generators(cluster, name, &[]).len() == 3
    });
    let wait = printed
        .stderr
        .lines()
        .find(|line| line.contains("kubectl wait"));
    let waiting = cluster.shell(wait.expect("what to type").trim());
    for ((pod, index), code) in generators(cluster, name, &[]).iter().zip(codes) {
        // It ends after the last of them only.
        assert!(waiting.is_running(), "generator {index}");
        ended(cluster, pod, code);
    }
    let waited = waiting.finish().exits(0);
    assert!(waited.stdout.contains("condition met"), "{waited:#?}");
}

#[test]
#[ignore = "takes Go and a real kube-apiserver"]
fn what_job_prints_is_applied_and_waited_for() {
    let cluster = Cluster::start();
    applied(&cluster, "split", [0, 0, 0]);
    let job = cluster.get(&["job", "split"]);
    assert_eq!(
        job["status"]["completedIndexes"], "0-2",
        "{:#}",
        job["status"]
    );
    applied(&cluster, "late", [0, 1, 0]);
    let job = cluster.get(&["job", "late"]);
    // The generators that ended are there, and none is tried again.
    assert_eq!(job["status"]["failedIndexes"], "1", "{:#}", job["status"]);
    assert_eq!(job["status"]["completedIndexes"], "0,2");
    assert_eq!(generators(&cluster, "late", &[]).len(), 3);
    // Its manifests are there to be mounted.
    let manifests = cluster.get(&["configmap", "late"]);
    assert_eq!(
        manifests["data"].as_object().map(serde_json::Map::len),
        Some(3)
    );
}

/// From what is printed to one verdict, with the two commands that are printed beside it.
#[test]
#[ignore = "takes Go and a real kube-apiserver"]
fn the_generators_of_a_job_become_one_report() {
    let cluster = Cluster::start();
    namespace(&cluster, "here");
    let mesh = Mesh::honest();
    let to = format!("weather-backend:5000:{}", mesh.addr());
    let rules = format!("{REPOSITORY}/examples/weather/fixed");
    let printed = run(&[
        "job",
        "--generators",
        "3",
        "--namespace",
        "here",
        "--name",
        "split",
        "--mesh",
        "none",
        "--start-in",
        "5s",
        "-f",
        &rules,
        "--map",
        "v1=single",
        "--map",
        "v2=multiple",
        "-c",
        "1",
        "-n",
        "6000",
        "--connect-to",
        &to,
        "http://weather-backend:5000/version",
    ])
    .exits(0);
    cluster
        .piped(&["apply", "-f", "-"], &printed.stdout)
        .exits(0);
    let line = |part: &str| {
        let mut lines = printed.stderr.lines();
        lines
            .find(|line| line.contains(part))
            .expect("what to type")
            .trim()
    };
    cluster.shell(line("kubectl wait")).finish().exits(0);
    let report = cluster.shell(line("kubectl logs")).finish().exits(0);
    assert!(report.stdout.contains("PASS"), "{report:#?}");
    assert_eq!(mesh.served(), 6000);
    let pods = generators(&cluster, "split", &["-n", "here"]);
    let json = line("kubectl logs").replace("resplit report", "resplit report -o json");
    let json = cluster.shell(&json).finish().exits(0).report();
    let hosts = json.0.to_string();
    for (pod, index) in &pods {
        assert!(hosts.contains(pod), "generator {index}: {pod}");
    }
    assert_eq!(pods.len(), 3);
}

/// Adds the CRDs of these files, and waits until they can be used.
fn define(cluster: &Cluster, definitions: &[String]) {
    for file in definitions {
        cluster
            .kubectl(&["apply", "--server-side", "-f", file])
            .exits(0);
    }
    let established = [
        "wait",
        "--for=condition=established",
        "--timeout=60s",
        "crd",
        "--all",
    ];
    cluster.kubectl(&established).exits(0);
}

#[test]
#[ignore = "takes Go and a real kube-apiserver"]
fn what_stands_below_deploy_is_taken() {
    let cluster = Cluster::start();
    let argo = module("github.com/argoproj/argo-rollouts@v1.8.3");
    let flagger = module("github.com/fluxcd/flagger@v1.41.0");
    let istio = module("istio.io/api@v1.27.0");
    let tekton = module("github.com/tektoncd/pipeline@v1.6.0");
    let definitions = [
        format!("{argo}/manifests/crds/analysis-template-crd.yaml"),
        format!("{flagger}/artifacts/flagger/crd.yaml"),
        format!("{istio}/kubernetes/customresourcedefinitions.gen.yaml"),
        format!("{tekton}/config/300-crds/300-task.yaml"),
    ];
    define(&cluster, &definitions);
    namespace(&cluster, "shop");
    for (option, part) in [
        ("-k", "kustomize"),
        ("-f", "argo-rollouts"),
        ("-f", "flagger"),
        ("-f", "tekton"),
        ("-f", "kustomize/rules.yaml"),
    ] {
        let part = format!("{REPOSITORY}/deploy/{part}");
        let taken = cluster.kubectl(&["apply", "-n", "shop", "--validate=strict", option, &part]);
        let taken = taken.exits(0);
        assert!(!taken.stderr.contains("Warning"), "{taken:#?}");
    }
    for (kind, names) in [
        ("deployments", &["resplit", "resplit-monitor"][..]),
        ("analysistemplates.argoproj.io", &["split-job", "split-web"]),
        ("canaries.flagger.app", &["web"]),
        ("tasks.tekton.dev", &["resplit"]),
        ("virtualservices.networking.istio.io", &["web"]),
    ] {
        let found = cluster.get(&[kind, "-n", "shop"]);
        let found: Vec<&str> = items(&found)
            .iter()
            .filter_map(|own| own["metadata"]["name"].as_str())
            .collect();
        assert_eq!(found, names, "{kind}");
    }
    // The namespace does warn of pods with more rights.
    let rights = cluster.kubectl(&[
        "create",
        "deployment",
        "other",
        "--image=other",
        "-n",
        "shop",
    ]);
    assert!(rights.exits(0).stderr.contains("would violate"));
    // What these kinds do not have is refused.
    let wrong = std::fs::read_to_string(format!(
        "{REPOSITORY}/deploy/argo-rollouts/analysis-template-web.yaml"
    ));
    let wrong = wrong
        .expect("it is there")
        .replace("timeoutSeconds:", "timeoutSecond:");
    let refused = cluster.piped(
        &["apply", "-n", "shop", "--validate=strict", "-f", "-"],
        &wrong,
    );
    assert!(refused.exits(1).stderr.contains("timeoutSecond"));
}

/// The Deployment that a release has of this name.
fn deployment(cluster: &Cluster, name: &str) -> Value {
    cluster.get(&["deployment", name, "-n", "shop"])
}

#[test]
#[ignore = "takes Go and a real kube-apiserver"]
fn the_chart_is_installed_upgraded_and_removed() {
    let cluster = Cluster::start();
    namespace(&cluster, "shop");
    let chart = format!("{REPOSITORY}/deploy/helm/resplit");
    let [both, monitor] = ["both", "monitor"].map(|name| format!("{chart}/ci/{name}-values.yaml"));
    for values in [&both, &monitor] {
        let checked = cluster
            .helm(&["lint", "--strict", &chart, "-f", values])
            .exits(0);
        assert!(checked.stdout.contains("0 chart(s) failed"), "{checked:#?}");
    }
    let install = [
        "upgrade",
        "--install",
        "split",
        &chart,
        "-n",
        "shop",
        "-f",
        &both,
    ];
    let installed = cluster.helm(&install).exits(0);
    assert!(
        !installed.stderr.contains("would violate"),
        "{installed:#?}"
    );
    let serve = deployment(&cluster, "split-resplit");
    let watch = deployment(&cluster, "split-resplit-monitor");
    let args = |own: &Value| own["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    assert_eq!(args(&serve)[1], "--config=/etc/resplit/checks.yaml");
    assert_eq!(
        args(&watch).as_array().and_then(|args| args.last()),
        Some(&"http://web/".into())
    );
    // What is left in its place by a caller of serve is none of Helm's.
    let checks = cluster.get(&["configmap", "split-resplit-checks", "-n", "shop"]);
    let checks = checks["data"]["checks.yaml"].as_str().expect("a text");
    assert!(checks.contains("{{ args.primary }}"), "{checks}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checks.yaml");
    std::fs::write(&file, checks).expect("it is written");
    let file = file.to_str().expect("a path");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    // The file is in order: only the port is refused.
    let refused = run(&["serve", "-f", file, "--listen", &taken]).exits(2);
    assert!(refused.stderr.contains("in use"), "{refused:#?}");
    // Other rules reach the pod that is there; other checks need another one.
    for (change, restarts) in [
        ("monitor.rules=kind: TrafficSplit", [false, false]),
        ("serve.checks.web.wait=20s", [true, false]),
    ] {
        let generations = || {
            ["split-resplit", "split-resplit-monitor"]
                .map(|name| deployment(&cluster, name)["metadata"]["generation"].as_u64())
        };
        let before = generations();
        cluster
            .helm(&[&install[..], &["--reuse-values", "--set", change]].concat())
            .exits(0);
        let after = generations();
        assert_eq!(
            [0, 1].map(|at| before[at] != after[at]),
            restarts,
            "{change}"
        );
    }
    cluster.helm(&["uninstall", "split", "-n", "shop"]).exits(0);
    let left = cluster.get(&[
        "deployments,services,configmaps",
        "-n",
        "shop",
        "-l",
        "app.kubernetes.io/instance=split",
    ]);
    assert_eq!(items(&left), [Value::Null; 0]);
    // What makes no sense is refused before anything is sent to the cluster.
    for (set, said) in [
        ("serve.checks=null", "there is nothing to do"),
        (
            "serve.checks.web.url=x",
            "additional properties 'url' not allowed",
        ),
        ("monitor.urls=x", "additional properties 'urls' not allowed"),
    ] {
        let refused = cluster
            .helm(&[
                "template",
                "split",
                &chart,
                "--kube-version",
                "1.34",
                "--set",
                set,
            ])
            .exits(1);
        assert!(refused.stderr.contains(said), "{set}: {refused:#?}");
    }
}

const RULES: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http:
    - route:
        - { destination: { host: v1 }, weight: 90 }
        - { destination: { host: v2 }, weight: 10 }
";

/// A pod on the node that runs what is attached.
const CLIENT: &str = "apiVersion: v1
kind: Pod
metadata:
  name: client-1
  namespace: shop
  labels: { app: client, app.kubernetes.io/part-of: shop }
spec:
  nodeName: loopback
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: app
      image: app
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
";

#[test]
#[ignore = "takes Go and a real kube-apiserver"]
fn the_plugin_adds_its_container_to_the_pod_and_brings_the_verdict_home() {
    let cluster = Cluster::start();
    let istio = module("istio.io/api@v1.27.0");
    let definitions = format!("{istio}/kubernetes/customresourcedefinitions.gen.yaml");
    define(&cluster, &[definitions]);
    namespace(&cluster, "shop");
    for objects in [RULES, CLIENT] {
        cluster.piped(&["apply", "-f", "-"], objects).exits(0);
    }
    let image = "registry.example.com/resplit:0.1.0";
    let plugin = |mesh: &Mesh| {
        let to = format!("web.shop:80:{}", mesh.addr());
        let own = ["client-1", "-n", "shop", "--image", image, "--"];
        let run = ["-c1", "-n4000", "--connect-to", &to, "http://web.shop/"];
        cluster.plugin(&[&own[..], &run].concat())
    };
    let honest = Mesh::honest();
    let passed = plugin(&honest).exits(0);
    assert!(passed.stdout.contains("PASS"), "{passed:#?}");
    assert_eq!(honest.served(), 4000);
    // Kinds that this cluster does not have are no note.
    assert!(!passed.stderr.contains("httproutes"), "{passed:#?}");
    let pod = cluster.get(&["pod", "client-1", "-n", "shop"]);
    let [container] = pod["spec"]["ephemeralContainers"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
    else {
        panic!("{:#}", pod["spec"])
    };
    assert_eq!(container["image"], image);
    assert_eq!(container["stdin"], true);
    // The network of a pod is that of all its containers; nothing of another container is needed.
    assert_eq!(container["targetContainerName"], Value::Null);
    let security = &container["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"][0], "ALL");
    let command = container["command"].as_array().expect("a command");
    let command: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
    let (own, run) = command.split_at(6);
    assert_eq!(
        own,
        [
            "/resplit",
            "run",
            "--output=log",
            "--filename=-",
            "--from-namespace=shop",
            "--from-labels=app=client,app.kubernetes.io/part-of=shop"
        ]
    );
    assert_eq!(run.first(), Some(&"-c1"));
    assert_eq!(run.last(), Some(&"http://web.shop/"));
    // A second run is a second container; the verdict is that of the second.
    let even = Mesh::split([("v1", 1), ("v2", 1)]).seed(3).start();
    let diverged = plugin(&even).exits(1);
    assert!(diverged.stdout.contains("DIVERGED"), "{diverged:#?}");
    let pod = cluster.get(&["pod", "client-1", "-n", "shop"]);
    let statuses = pod["status"]["ephemeralContainerStatuses"]
        .as_array()
        .expect("containers");
    assert_eq!(statuses.len(), 2, "{statuses:#?}");
    // Weights that are typed say the same.
    let typed = [
        "client-1", "-n", "shop", "--", "-c1", "-n4000", "--expect", NINETY_TEN,
    ];
    let typed = cluster.plugin(&[&typed[..], &[&honest.url("/")]].concat());
    assert!(typed.exits(0).stdout.contains("PASS"));
}
