//! `resplit job`: the objects that are printed, its generators run as processes on loopback, and their logs read back.

use std::fs;

use serde_json::Value;

use crate::support::cmd::{Outcome, resplit, run};
use crate::support::envoy::Envoy;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::wait::HANGS;

const URL: &str = "http://weather/version";

/// The objects of a printed Job, in their order.
fn objects(text: &str) -> Vec<Value> {
    let objects = text.split("---\n");
    let objects = objects.map(|text| serde_saphyr::from_str(text).expect("YAML"));
    objects.collect()
}

/// What the containers of a Job are started with.
fn container_args(job: &Value) -> Vec<String> {
    let args = job.pointer("/spec/template/spec/containers/0/args");
    let args = args.and_then(Value::as_array).expect("arguments");
    let text = |arg: &Value| arg.as_str().expect("a string").to_owned();
    args.iter().map(text).collect()
}

/// What kubelet makes of an argument.
fn expanded(arg: &str, index: usize) -> String {
    arg.replace("$(JOB_COMPLETION_INDEX)", &index.to_string())
        .replace("$(POD_NAME)", &format!("split-{index}-x7k2p"))
        .replace("$(NODE_NAME)", &format!("node-{}", index % 2))
        .replace("$(ZONE)", "eu-1a")
        .replace("$$", "$")
}

/// Runs the generators of a Job one after the other, each through a proxy of its own, and returns their logs as
/// `kubectl logs --prefix` shows them, with what else a pod says between them.
fn logs(args: &[String], proxies: &[String]) -> Vec<String> {
    let generator = |(index, proxy): (usize, &String)| {
        let args = args.iter().filter(|arg| !arg.contains("-proxy"));
        let args: Vec<String> = args.map(|arg| expanded(arg, index)).collect();
        let (url, options) = args.split_last().expect("a URL");
        let to = format!("--connect-to=weather:80:{proxy}");
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let ended = run(&[&options[..], &["-c", "1", &to, url]].concat()).exits(0);
        let prefix = format!("[pod/split-{index}-x7k2p/resplit] ");
        let said = format!("{prefix}2026-01-01T00:00:00Z something else\n{prefix}");
        let lines = ended.stdout.lines();
        let lines: Vec<String> = lines.map(|line| format!("{said}{line}\n")).collect();
        lines.concat()
    };
    proxies.iter().enumerate().map(generator).collect()
}

/// `resplit report ARGS -` with this on stdin.
fn merged(log: &str, args: &[&str]) -> Outcome {
    let output = resplit()
        .args([&["report"], args, &["-"]].concat())
        .write_stdin(log)
        .timeout(HANGS)
        .output()
        .expect("the binary runs");
    Outcome::of(args, &output)
}

/// The arguments of a Job of so many generators that begins at once.
fn job_args(generators: &str, more: &[&str]) -> Vec<String> {
    let start = [
        "job",
        "--generators",
        generators,
        "--start-at",
        "2026-01-01T00:00:00Z",
    ];
    let ended = run(&[&start[..], more, &[URL]].concat()).exits(0);
    let objects = objects(&ended.stdout);
    container_args(objects.last().expect("a Job"))
}

fn addresses(meshes: &[Mesh]) -> Vec<String> {
    meshes.iter().map(|mesh| mesh.addr().to_string()).collect()
}

const FIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/fixed");

/// The Job of eight generators.
fn eight() -> Outcome {
    run(&[
        "job",
        "--generators",
        "8",
        "--name",
        "split",
        "--namespace",
        "shop",
        "--image",
        "registry/resplit:1",
        "-f",
        FIXED,
        "-q",
        "4000",
        "-z",
        "2m",
        "-H",
        "cost: $5 $(HOME)",
        "--start-at",
        "2026-11-30T18:00:00Z",
        "http://weather-backend:5000/version",
    ])
    .exits(0)
}

#[test]
fn the_job_has_what_generators_need() {
    let ended = eight();
    let objects = objects(&ended.stdout);
    let [manifests, job] = &objects[..] else {
        panic!("{}", ended.stdout)
    };
    assert_eq!(
        (&manifests["kind"], &job["kind"]),
        (&"ConfigMap".into(), &"Job".into())
    );
    let data = manifests["data"].as_object().expect("files");
    let files = fs::read_dir(FIXED).expect("a folder");
    for file in files {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        assert!(
            data.values().any(|own| own.as_str() == Some(text.as_str())),
            "{data:#?}"
        );
    }
    let at = |pointer: &str| {
        job.pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}: {job:#}"))
    };
    let pod = "/spec/template/spec";
    for (pointer, value) in [
        ("/metadata/name", "split".into()),
        ("/metadata/namespace", "shop".into()),
        ("/spec/completionMode", "Indexed".into()),
        ("/spec/completions", 8.into()),
        ("/spec/parallelism", 8.into()),
        ("/spec/backoffLimitPerIndex", 0.into()),
        ("/spec/ttlSecondsAfterFinished", 3600.into()),
        (
            "/spec/template/metadata/annotations/sidecar.istio.io~1nativeSidecar",
            "true".into(),
        ),
        (
            "/spec/template/metadata/labels/sidecar.istio.io~1inject",
            "true".into(),
        ),
        (&format!("{pod}/restartPolicy"), "Never".into()),
        (&format!("{pod}/securityContext/runAsNonRoot"), true.into()),
        (
            &format!("{pod}/containers/0/image"),
            "registry/resplit:1".into(),
        ),
        (
            &format!("{pod}/containers/0/securityContext/readOnlyRootFilesystem"),
            Value::from(true),
        ),
        (
            &format!("{pod}/containers/0/volumeMounts/0/mountPath"),
            "/manifests".into(),
        ),
        (&format!("{pod}/volumes/0/configMap/name"), "split".into()),
        (
            &format!("{pod}/containers/0/env/1/valueFrom/fieldRef/fieldPath"),
            "spec.nodeName".into(),
        ),
    ] {
        assert_eq!(at(pointer), &value, "{pointer}");
    }
    // One generator that fails must not end the others.
    assert!(job["spec"]["backoffLimit"].is_null());
    let topology = "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/podAffinityTerm/topologyKey";
    assert_eq!(at(&format!("{pod}/{topology}")), "kubernetes.io/hostname");
}

#[test]
fn the_generators_get_the_options_of_the_run() {
    let ended = eight();
    let objects = objects(&ended.stdout);
    let args = container_args(objects.last().expect("a Job"));
    for arg in [
        "--generator=$(JOB_COMPLETION_INDEX)/8",
        "--start-at=2026-11-30T18:00:00Z",
        "--rate=4000",
        "--duration=2m",
        "--header=cost: $$5 $$(HOME)",
        "--filename=/manifests",
        "--wait-proxy",
        "--quit-proxy",
        "--label=zone=$(ZONE)",
    ] {
        assert!(args.iter().any(|own| own == arg), "{arg}: {args:#?}");
    }
    assert!(ended.stderr.contains(
        "kubectl logs -n shop -l job-name=split -c resplit --prefix --tail=-1 | resplit report -"
    ));
}

#[test]
fn what_no_generator_could_do_is_refused_before_the_job_is_printed() {
    let cases: [&[&str]; 14] = [
        &["--generators", "0"],
        &["--generators", "2000"],
        &["--generators", "8", "-n", "5"],
        &["--generators", "2", "--name", "No"],
        &["--generators", "2", "-o", "json"],
        &["--generators", "2", "--report", "json=x"],
        &["--generators", "2", "-d", "@body.json"],
        &["--generators", "2", "--cacert", "ca.pem"],
        &["--generators", "2", "--debug"],
        &["--generators", "2", "--sessions", "10"],
        &[
            "--generators",
            "2",
            "--all-rules",
            "-f",
            "tests/suites/shop.yaml",
        ],
        &["--generators", "2", "--vary", "user=@users.txt"],
        &["--generators", "2", "-f", "/nowhere.yaml"],
        &["--generators", "2", "--start-at", "2126-01-01T00:00:00Z"],
    ];
    for args in cases {
        run(&[&["job"], args, &[URL]].concat()).refused(&format!("{args:?}"));
    }
    let ended = run(&["job", "--generators", "2", "-a", "u:p", URL]).exits(0);
    assert!(
        ended.stderr.contains("warning: the Job holds credentials"),
        "{}",
        ended.stderr
    );
    assert!(
        !run(&["job", "--generators", "2", URL])
            .stderr
            .contains("warning")
    );
}

#[test]
fn without_a_sidecar_there_is_nobody_to_wait_for() {
    let ended = run(&["job", "--generators", "2", "--mesh", "none", URL]).exits(0);
    assert!(!ended.stdout.contains("-proxy"), "{}", ended.stdout);
    assert!(
        !ended.stdout.contains("sidecar.istio.io"),
        "{}",
        ended.stdout
    );
    assert_eq!(objects(&ended.stdout).len(), 1);
}

#[test]
fn generators_share_the_load_and_their_logs_are_judged_once() {
    let meshes: Vec<Mesh> = (0..3)
        .map(|seed| Mesh::split([("v1", 90), ("v2", 10)]).seed(seed).start())
        .collect();
    let args = job_args("3", &["-n", "10000", "--expect", NINETY_TEN]);
    let logs = logs(&args, &addresses(&meshes));
    let served: Vec<u64> = meshes.iter().map(Mesh::served).collect();
    assert_eq!(served, [3334, 3333, 3333]);
    let report = merged(&logs.concat(), &["-o", "json"]).exits(0).report();
    assert_eq!((report.sent(), report.verdict()), (10_000, "pass"));
    for at in 0..3 {
        let name = report.text(&format!("/generators/{at}/name"));
        assert_eq!(
            name,
            format!("split-{at}-x7k2p (node node-{}, zone eu-1a)", at % 2)
        );
    }
    let seeds: Vec<u64> = (0..3)
        .map(|at| report.number(&format!("/parts/{at}/report/tool/seed")))
        .collect();
    assert_eq!(seeds, [0, 1, 2]);
    assert_eq!(report.number("/parts/2/report/generator/index"), 2);
    // In any order, and from a file.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("job.log");
    fs::write(&file, format!("{}{}{}", logs[2], logs[0], logs[1])).expect("it is written");
    let path = file.to_str().expect("a path");
    let again = run(&["report", "-o", "json", path]).exits(0).report();
    assert_eq!((again.sent(), again.verdict()), (10_000, "pass"));
    // What was merged is judged again as it was.
    let whole = folder.path().join("all.json");
    fs::write(&whole, merged(&logs.concat(), &["-o", "json"]).stdout).expect("it is written");
    let path = whole.to_str().expect("a path");
    let again = run(&["report", "-o", "json", path]).exits(0).report();
    assert_eq!(again.verdict(), "pass");
    run(&["report", path]).exits(0);
}

#[test]
fn a_generator_without_a_report_is_named_and_nothing_passes() {
    let meshes: Vec<Mesh> = (0..4)
        .map(|seed| Mesh::split([("v1", 90), ("v2", 10)]).seed(seed).start())
        .collect();
    let args = job_args("4", &["-n", "16000", "--expect", NINETY_TEN]);
    let logs = logs(&args, &addresses(&meshes));
    merged(&logs.concat(), &[]).exits(0);
    let cut_off = &logs[3][..logs[3].len() / 2];
    for (log, missing) in [
        (
            logs[..3].concat(),
            "1 of 4 generators sent no complete report: 3",
        ),
        (
            format!("{cut_off}\n{}{}", logs[0], logs[2]),
            "2 of 4 generators sent no complete report: 1, 3 (cut off)",
        ),
        (
            format!("{}{cut_off}", logs[1]),
            "3 of 4 generators sent no complete report: 0, 2, 3 (cut off)",
        ),
    ] {
        let ended = merged(&log, &["-o", "json"]).exits(3);
        let report = ended.report();
        assert_eq!(report.text("/verdict/reason"), missing);
        assert!(ended.stdout.contains("\"generators-missing\""), "{missing}");
        merged(&log, &["--inconclusive", "pass"]).exits(0);
    }
    // The same generator twice would count its requests twice.
    merged(&format!("{}{}{}", logs[0], logs[1], logs[0]), &[]).refused("twice");
    for text in ["", "no report\n", "[pod/a/b] nothing\n"] {
        let ended = merged(text, &[]);
        ended.refused(text);
    }
}

#[test]
fn a_generator_whose_proxy_is_stale_is_named_by_pod_node_and_zone() {
    // Four proxies with the declared weights, and one that still has those of before. That 2,000 draws at 1/2 look like 1/10 is
    // less likely than 1e-100, and what the four see decides nothing.
    let splits: Vec<_> = [(90, 10), (90, 10), (50, 50), (90, 10), (90, 10)]
        .into_iter()
        .map(|(v1, v2)| Envoy::split(&[("single", v1), ("multiple", v2)]).start())
        .collect();
    let proxies: Vec<String> = splits
        .iter()
        .map(|split| split.envoy().addr().to_string())
        .collect();
    let args = job_args("5", &["-n", "10000", "--expect", "single=90,multiple=10"]);
    let logs = logs(&args, &proxies).concat();
    let report = merged(&logs, &["-o", "json"]).exits(1).report();
    let stale = "split-2-x7k2p (node node-0, zone eu-1a)";
    assert_eq!(report.text("/generators/2/name"), stale);
    assert_eq!(report.text("/generators/2/outcome"), "diverged");
    let text = merged(&logs, &[]).exits(1).stdout;
    let row = text.lines().find(|line| line.contains(stale));
    assert!(row.is_some_and(|row| row.contains("diverged")), "{text}");
}

#[test]
fn a_log_of_runs_by_hand_is_merged_too() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let one = |seed: &str| {
        run(&[
            "-c", "1", "-n", "2000", "--expect", NINETY_TEN, "-o", "log", "--seed", seed, &url,
        ])
        .stdout
    };
    let log = format!("begin\n{}between\n{}", one("1"), one("2"));
    let report = merged(&log, &["-o", "json"]).report();
    assert_eq!(report.sent(), 4000);
    let single = merged(&one("3"), &["-o", "json"]).report();
    assert_eq!(
        (single.sent(), single.0.pointer("/generators")),
        (2000, None)
    );
}

#[test]
fn generators_begin_together_and_a_late_one_says_so() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let late = "2026-01-01T00:00:00Z";
    let ended = run(&["-n", "5", "-o", "json", "--start-at", late, &url]).exits(0);
    assert!(ended.stdout.contains("\"late-start\""), "{}", ended.stdout);
    // A start within the day: nothing is sent before it.
    let start = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    let ahead = humantime::format_rfc3339_millis(start).to_string();
    let ended = run(&["-n", "5", "-o", "json", "--start-at", &ahead, &url]).exits(0);
    assert!(std::time::SystemTime::now() >= start);
    let started = ended.report().text("/started_at").to_owned();
    let started = humantime::parse_rfc3339(&started).expect("a time");
    assert!(
        started + std::time::Duration::from_secs(1) > start,
        "{started:?} {start:?}"
    );
    for wrong in ["8/8", "-1/8", "x", "0/0", "1"] {
        run(&[&format!("--generator={wrong}"), &url]).refused(wrong);
    }
    assert_eq!(mesh.served(), 10);
}

#[test]
fn merging_many_reports_takes_little_memory() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let args = [
        "-c",
        "1",
        "-n",
        "300",
        "--expect",
        NINETY_TEN,
        "-o",
        "log",
        "--generator",
        "0/1",
    ];
    let line = run(&[&args[..], &[&url]].concat()).stdout;
    let of = 60;
    let own = |at: u32| {
        let index = format!("<<<resplit.report/1 {at}/{of} ");
        let own = line.replace("<<<resplit.report/1 0/1 ", &index);
        own.replacen("\"elapsed_s\":", &format!("\"elapsed_s\":{}", at + 1), 1)
    };
    let log: String = (0..of).map(own).collect();
    // Address space, of which only a part is memory.
    let limited = format!(
        "ulimit -v 200000; exec {} report -o oneline -",
        env!("CARGO_BIN_EXE_resplit")
    );
    let output = assert_cmd::Command::new("sh")
        .args(["-c", &limited])
        .write_stdin(log)
        .timeout(HANGS)
        .output()
        .expect("a shell runs");
    let report = Outcome::of(&[], &output);
    assert!(report.stdout.contains("18000 requests"), "{report:#?}");
}
