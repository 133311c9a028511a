//! What the help of a command ends with: examples and exit codes.

use super::exit;

const SHORT_EXAMPLES: &str = "\
Examples:
  resplit -f rules.yaml http://weather:5000/        is that what they declare?
  resplit --expect v1=90,v2=10 http://weather/      the same without manifests";

const EXAMPLES: &str = "\
Examples:
  resplit http://weather:5000/                      who answers, how fast
  resplit -f rules.yaml http://weather:5000/        is that what they declare?
  resplit --expect v1=90,v2=10 http://weather/      the same without manifests
  resplit --bucket header:x-version http://gw/      tell versions by a header
  resplit --expect v1=9,v2=1 --require-healthy URL  a gate: errors fail it too
  resplit explain -f rules.yaml http://reviews/     which rule, and why
  resplit endpoints -f dump.json http://gateway/    named endpoints are reached
  resplit lint -f manifests/                        why it would not take effect
  resplit monitor -f rules.yaml http://weather/     watch it for ever
  resplit size --expect v1=90,v2=10 --detect 85/15  how many requests to see that
  resplit report -o html run.json > run.html        a saved report as a page
  resplit report a.json b.json                      two load generators, merged
  resplit demo missing-subset                       a mesh gone wrong, embedded";

/// What `explain --help` ends with.
pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  resplit explain -f rules.yaml http://weather-backend:5000/version
  resplit explain -f rules.yaml -H 'end-user: jason' http://reviews:9080/
  kubectl get vs,dr,svc -A -o yaml | resplit explain -f - --from-namespace shop http://reviews:9080/
  resplit explain -f rules.yaml --gateway istio-system/main http://shop.example.com/
  resplit explain -f rules.yaml --all-rules http://reviews:9080/     a request for each rule

Exit code 0, also when the answer is a 404; 2 when the manifests do not decode, or no rule is about this host.";

/// What `endpoints --help` ends with.
pub(super) const ENDPOINTS_EXAMPLES: &str = "\
Examples:
  resplit endpoints --pick header:x-custom-host --endpoints 10.0.0.7:8080,10.0.0.8:8080 http://gateway/
  resplit endpoints -f route.yaml -f slices.yaml --gateway default/eg --implementation envoy-gateway http://gateway/
  resplit endpoints -f dump.json http://gateway/
  resplit endpoints --pick header:target-pod --mechanism original-dst --endpoints 10.0.0.7:8000 http://gateway/v1/models
  resplit endpoints --pick metadata --endpoints 10.0.0.7:8000,10.0.0.8:8000 http://gateway/

Exit codes as those of a run, of all kinds of requests together.";

/// What `instrument --help` ends with.
pub(super) const INSTRUMENT_EXAMPLES: &str = "\
Examples:
  resplit instrument -f rules.yaml                             patches for all rules, to look at
  resplit instrument -f rules.yaml reviews | sh                have those for one host applied
  kubectl get vs -A -o yaml | resplit instrument -f - --remove | sh
  resplit instrument --envoy-filter --from-namespace shop | kubectl apply -f -
  resplit instrument --envoy-filter --gateway shop/main -f gateway.yaml

Exit code 0; 2 when there is no rule to patch.";

/// What `monitor --help` ends with.
pub(super) const MONITOR_EXAMPLES: &str = "\
Examples:
  resplit monitor -f rules.yaml http://weather:5000/                      one request a second, until Ctrl-C
  resplit monitor --proxy-admin auto http://weather:5000/                 against what the sidecar is told
  resplit monitor --expect v1=90,v2=10 --webhook https://hooks/alerts --listen 0.0.0.0:8080 http://weather/
  resplit monitor -f rules.yaml -z 1h -o json http://weather/ | jq .message

Exit code 1 when the split diverged at any time; else 4 when no response ever named a target; else 3 when for some
time it could not be told (unreachable, failing); else 0. 2 as everywhere.";

/// What `judge --help` ends with.
pub(super) const JUDGE_EXAMPLES: &str = "\
Examples:
  resplit judge --expect v1=90,v2=10 v1=9012 v2=988
  cut -d' ' -f9 app.log | sort | uniq -c | resplit judge --expect v1=90,v2=10 -
  curl -s localhost:15090/stats/prometheus > after.txt
  resplit judge --expect v1=90,v2=10 --prometheus before.txt --prometheus after.txt
  resplit judge --expect v1=90,v2=10 --prometheus after.txt --where destination_service_name=reviews
  kubectl logs deploy/web -c istio-proxy | resplit judge --expect v1=90,v2=10 --access-log -

Exit codes as those of a run.";

/// What `job --help` ends with.
pub(super) const JOB_EXAMPLES: &str = "\
Examples:
  resplit job --generators 8 --image registry.example.com/resplit -f rules.yaml -q 4000 -z 2m http://weather/ > job.yaml
  kubectl apply -f job.yaml
  kubectl logs -l job-name=NAME -c resplit --prefix --tail=-1 | resplit report -

Exit code 0 where a Job was printed, 2 where the options of the run make no sense.";

/// What `test --help` ends with.
pub(super) const TEST_EXAMPLES: &str = "\
Examples:
  resplit test --init -f manifests/ tests/routes.yaml     what they declare now, as cases
  resplit test tests/                                     is that still so?
  resplit test --fail-under 80 --report junit=tests.xml tests/
  resplit test --live http://127.0.0.1:8080 tests/        and does the traffic do it?
  resplit test -f virtualservice.yaml testcases.yaml      test cases of istio-config-validator
  resplit test -f routes.yaml route-checks.yaml           tests of Envoy's route table check tool

Exit code 0 when no case fails (a skip is no pass, and no failure), 1 when one does or --fail-under is missed, 2 when a file cannot
be read. With --live also 3 when a case stays open, and 4 when no response could be counted.";

/// What `report --help` ends with.
pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  resplit -f rules.yaml --report json=run.json http://gateway/reviews    save a run
  resplit report run.json                                                judge it again
  resplit report --tolerance 2% --slo 'canary.p99 < 200ms' run.json      ask something else
  resplit report -o html run.json > run.html                             another format
  resplit report zone-a.json zone-b.json                                 merge generators
  resplit report --compare before.json after.json                        what changed
  resplit report --compare --slo 'canary.p99 < before * 1.1' a.json b.json   and whether that is too much

Exit codes as those of a run, of what is judged this time. --compare ends with 0, or as its objectives (--slo) stand.";

/// What `-h` ends with.
pub(super) fn after_help() -> String {
    let codes = exit::Exit::ALL.iter().map(|exit| {
        let meaning = exit.meaning();
        let word = match meaning.split_once(':') {
            Some((name, _)) => name,
            None => meaning.split(' ').next().unwrap_or(meaning),
        };
        format!("{} {word}", exit.code())
    });
    let codes: Vec<String> = codes.collect();
    format!("{SHORT_EXAMPLES}\n\nExit: {}", codes.join(", "))
}

/// What `--help` ends with.
pub(super) fn after_long_help() -> String {
    format!("{EXAMPLES}\n\nExit codes:\n{}", exit::table())
}
