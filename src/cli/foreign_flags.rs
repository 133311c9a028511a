//! Flags of other tools, by the flag: what resplit has instead. The tools are those whose flags people type by habit.

use Tool::{Curl, Fortio, Hey, K6, Kubectl, Oha, Wrk, Wrk2};

/// A tool whose flags people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Hey,
    Oha,
    Wrk,
    Wrk2,
    Curl,
    Fortio,
    K6,
    Kubectl,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Hey => "hey",
            Oha => "oha",
            Wrk => "wrk",
            Wrk2 => "wrk2",
            Curl => "curl",
            Fortio => "fortio",
            K6 => "k6",
            Kubectl => "kubectl",
        }
    }
}

/// A flag of another tool, and what to do here: a sentence that goes on from "hey's -more".
struct Foreign(Tool, &'static str, &'static str);

#[rustfmt::skip]
static FLAGS: &[Foreign] = &[
    Foreign(Hey, "-disable-keepalive", "is --disable-keepalive here"),
    Foreign(Hey, "-disable-compression", "needs no option: resplit asks for compression only with -H 'accept-encoding: gzip'"),
    Foreign(Hey, "-disable-redirects", "needs no option: resplit follows no redirects"),
    Foreign(Hey, "-more", "is -v here"),
    Foreign(Hey, "-cpus", "is --threads here"),
    Foreign(Hey, "-host", "is --host here"),
    Foreign(Hey, "-h2", "is --http2 here, or --h2c without TLS"),
    Foreign(Hey, "-U", "is -H 'user-agent: NAME' here"),
    Foreign(Oha, "--no-tui", "is --no-progress here"),
    Foreign(Oha, "-j", "is -o json here"),
    Foreign(Oha, "--json", "is -o json here"),
    Foreign(Oha, "--output-format", "is -o FORMAT here"),
    Foreign(Oha, "-r", "has no counterpart: resplit follows no redirects"),
    Foreign(Oha, "--redirect", "has no counterpart: resplit follows no redirects"),
    Foreign(Oha, "--latency-correction", "needs no option: with -q, response times run from the intended start"),
    Foreign(Oha, "-w", "needs no option: resplit waits for the requests under way"),
    Foreign(Oha, "--wait-ongoing-requests-after-deadline", "needs no option: resplit waits for the requests under way"),
    Foreign(Oha, "--burst-rate", "has no counterpart: -q starts requests at a steady rate, or with --arrival poisson"),
    Foreign(Oha, "--burst-delay", "has no counterpart: -q starts requests at a steady rate, or with --arrival poisson"),
    Foreign(Oha, "--disable-color", "is --color never here"),
    Foreign(Oha, "--no-color", "is --color never here"),
    Foreign(Oha, "--http-version", "is --http2 here, or --h2c without TLS"),
    Foreign(Oha, "--query-per-second", "is -q here"),
    Foreign(Oha, "--basic-auth", "is -a here"),
    Foreign(Oha, "--urls-from-file", "has no counterpart: a run sends one request to one URL"),
    Foreign(Oha, "--rand-regex-url", "has no counterpart: a run sends one request to one URL"),
    Foreign(Oha, "--stats-success-breakdown", "needs no option: resplit shows latencies for each version"),
    Foreign(Oha, "--db-url", "is --log FILE here: a line of JSON for each request"),
    Foreign(Wrk, "--latency", "needs no option: resplit always shows percentiles"),
    Foreign(Wrk, "-L", "needs no option: resplit always shows percentiles"),
    Foreign(Wrk, "-s", "has no counterpart: a run sends one request, described by options"),
    Foreign(Wrk, "--script", "has no counterpart: a run sends one request, described by options"),
    Foreign(Wrk2, "-R", "is -q here"),
    Foreign(Wrk2, "--u_latency", "needs no option: with -q, -o json has service times beside response times"),
    Foreign(Wrk2, "-U", "needs no option: with -q, -o json has service times beside response times"),
    Foreign(Curl, "-s", "is --quiet here"),
    Foreign(Curl, "--silent", "is --quiet here"),
    Foreign(Curl, "-S", "needs no option: errors are always shown"),
    Foreign(Curl, "--show-error", "needs no option: errors are always shown"),
    Foreign(Curl, "-fsS", "is --quiet here: errors are always shown, and the exit code is the verdict"),
    Foreign(Curl, "--fail", "needs no option: --require-healthy makes errors fail a run"),
    Foreign(Curl, "-L", "has no counterpart: resplit follows no redirects"),
    Foreign(Curl, "--location", "has no counterpart: resplit follows no redirects"),
    Foreign(Curl, "-I", "is -m HEAD here"),
    Foreign(Curl, "--head", "is -m HEAD here"),
    Foreign(Curl, "-i", "is --debug here: one request, and its response word for word"),
    Foreign(Curl, "--include", "is --debug here: one request, and its response word for word"),
    Foreign(Curl, "-u", "is -a USER:PASSWORD here"),
    Foreign(Curl, "--user", "is -a USER:PASSWORD here"),
    Foreign(Curl, "-b", "is -H 'cookie: NAME=VALUE' here"),
    Foreign(Curl, "--cookie", "is -H 'cookie: NAME=VALUE' here"),
    Foreign(Curl, "-e", "is -H 'referer: URL' here"),
    Foreign(Curl, "--referer", "is -H 'referer: URL' here"),
    Foreign(Curl, "--user-agent", "is -H 'user-agent: NAME' here"),
    Foreign(Curl, "-w", "is -o json or -o csv here"),
    Foreign(Curl, "--write-out", "is -o json or -o csv here"),
    Foreign(Curl, "-G", "has no counterpart: write the query into the URL"),
    Foreign(Curl, "--get", "has no counterpart: write the query into the URL"),
    Foreign(Curl, "-F", "has no counterpart: give the whole body with -D FILE and its type with -T"),
    Foreign(Curl, "--form", "has no counterpart: give the whole body with -D FILE and its type with -T"),
    Foreign(Curl, "-Z", "is -c here: requests in parallel"),
    Foreign(Curl, "--parallel", "is -c here: requests in parallel"),
    Foreign(Curl, "--max-time", "is -t here"),
    Foreign(Curl, "--retry", "has no counterpart: a request that fails is counted, --settle waits for a mesh to be ready"),
    Foreign(Curl, "--compressed", "is -H 'accept-encoding: gzip' here"),
    Foreign(Curl, "--json", "is -d BODY -T application/json here"),
    Foreign(Curl, "--data-binary", "is -d here"),
    Foreign(Curl, "--data-raw", "is -d here"),
    Foreign(Curl, "--data-ascii", "is -d here"),
    Foreign(Curl, "--data-urlencode", "is -d here, with the body already encoded"),
    Foreign(Curl, "--http1.1", "needs no option: HTTP/1.1 is the default"),
    Foreign(Curl, "--http2-prior-knowledge", "is --h2c here"),
    Foreign(Curl, "--url", "needs no option: write the URL"),
    Foreign(Fortio, "-qps", "is -q here"),
    Foreign(Fortio, "-payload", "is -d here"),
    Foreign(Fortio, "-payload-file", "is -D here"),
    Foreign(Fortio, "-json", "is --report json=FILE here"),
    Foreign(Fortio, "-keepalive", "is --disable-keepalive here, to turn it off"),
    Foreign(Fortio, "-jitter", "is --arrival poisson here"),
    Foreign(Fortio, "-uniform", "is --arrival constant here"),
    Foreign(Fortio, "-nocatchup", "has no counterpart: with -q, late requests are sent late and counted as late"),
    Foreign(Fortio, "-user", "is -a USER:PASSWORD here"),
    Foreign(Fortio, "-labels", "is --label KEY=VALUE here"),
    Foreign(Fortio, "-access-log-file", "is --log FILE here: a line of JSON for each request"),
    Foreign(Fortio, "-allow-initial-errors", "needs no option: errors are counted, --settle waits for a mesh to be ready"),
    Foreign(K6, "--vus", "is -c here"),
    Foreign(K6, "--iterations", "is -n here"),
    Foreign(K6, "-i", "is -n here"),
    Foreign(K6, "--rps", "is -q here"),
    Foreign(K6, "--out", "is --log FILE here for each request, and --report FORMAT=FILE for the result"),
    Foreign(K6, "--summary-export", "is --report json=FILE here"),
    Foreign(K6, "--summary-trend-stats", "is --percentiles P,P,… here"),
    Foreign(K6, "--stage", "is --ramp-up here, at the start only"),
    Foreign(K6, "-s", "is --ramp-up here, at the start only"),
    Foreign(K6, "--insecure-skip-tls-verify", "is -k here"),
    Foreign(Kubectl, "-n", "is --from-namespace here"),
    Foreign(Kubectl, "--namespace", "is --from-namespace here"),
    Foreign(Kubectl, "--all-namespaces", "needs no option: objects of all namespaces in the given files are read"),
    Foreign(Kubectl, "-l", "is --from-labels here: the labels of the client"),
    Foreign(Kubectl, "--selector", "is --from-labels here: the labels of the client"),
    Foreign(Kubectl, "-R", "needs no option: -f reads folders"),
    Foreign(Kubectl, "--recursive", "needs no option: -f reads folders"),
    Foreign(Kubectl, "--context", "has no counterpart: kubectl --context NAME get vs,dr,svc -o yaml | resplit -f - URL"),
    Foreign(Kubectl, "--kubeconfig", "has no counterpart: kubectl get vs,dr,svc -o yaml | resplit -f - URL"),
];

/// What resplit has in place of a flag, for each tool that has the flag: "hey's -more is -v here".
pub(super) fn here(flag: &str) -> Option<String> {
    let rows = FLAGS.iter().filter(|Foreign(_, known, _)| *known == flag);
    let lines: Vec<String> = rows
        .map(|Foreign(tool, flag, here)| format!("{}'s {flag} {here}", tool.name()))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// What a token with one dash means to other tools, where clap would take it for a short option with its value: hey's and
/// fortio's long names, curl's `-fsS`, wrk's `-d2s`.
pub(super) fn one_dash(token: &str) -> Option<String> {
    let flag = token.split('=').next().unwrap_or(token);
    if flag.len() > 2
        && !flag.starts_with("--")
        && let Some(here) = here(flag)
    {
        return Some(here);
    }
    if let Some(rest) = token.strip_prefix("-f")
        && rest.starts_with(['s', 'S', 'L'])
        && rest.chars().all(|letter| "sSLkvi".contains(letter))
    {
        return here("-fsS");
    }
    let time = token.strip_prefix("-d").filter(|time| is_duration(time))?;
    Some(duration(time))
}

/// What to type for wrk's `-d 2s`.
pub(super) fn duration(time: &str) -> String {
    format!("wrk's -d {time} is -z {time} here; to send `{time}` as the body, write --data {time}")
}

/// Whether a text is a number with a unit of time: `2s`, `1.5m`, `1h`.
pub(super) fn is_duration(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    ["ms", "s", "m", "h"].contains(&unit) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::help;
    use super::*;

    /// Every option that an answer names exists, and no flag with two dashes is one of resplit's own.
    #[test]
    fn what_the_table_names_exists_and_what_it_translates_does_not() {
        let command = help::whole();
        let long = |name: &str| {
            let mut options = command.get_arguments();
            options.any(|arg| arg.get_long() == Some(name))
        };
        let short = |letter: char| {
            let mut options = command.get_arguments();
            options.any(|arg| arg.get_short() == Some(letter))
        };
        for Foreign(tool, flag, here) in FLAGS {
            let own = here.split("kubectl ").next().unwrap_or(here);
            for word in own.split([' ', ':', ',', ';']) {
                if let Some(name) = word.strip_prefix("--") {
                    assert!(long(name), "{flag}: {here}");
                } else if let Some(letter) = word.strip_prefix('-').and_then(|w| w.chars().next()) {
                    assert!(short(letter), "{flag}: {here}");
                }
            }
            if let Some(name) = flag.strip_prefix("--") {
                assert!(!long(name), "{} has {flag} itself", tool.name());
            }
        }
    }

    #[test]
    fn a_flag_of_several_tools_has_an_answer_for_each() {
        let said = here("--json").expect("a known flag");
        assert_eq!(
            said,
            "oha's --json is -o json here; curl's --json is -d BODY -T application/json here"
        );
    }

    #[test]
    fn values_that_are_typed_without_a_blank_stay_values() {
        for token in [
            "-n100",
            "-XPOST",
            "-kv",
            "-d@file",
            "-dx=1",
            "-frules.yaml",
            "-ojson",
            "-d2",
        ] {
            assert_eq!(one_dash(token), None, "{token}");
        }
    }
}
