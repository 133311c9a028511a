//! The HTML report in a browser: it asks nobody, complains about nothing, and shows what it should.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::formats::{hostile, literal, plain};
use crate::support::cmd::run;
use crate::support::mesh::{Mesh, NINETY_TEN};
use crate::support::parts;

/// Names under which the browser may be installed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Hosts of the browser's makers: what it asks them is not the page's doing.
const OWN_HOSTS: [&str; 3] = ["google.com", "googleapis.com", "gvt1.com"];

/// What the browser made of a page.
struct Seen {
    /// The document after it was loaded, with whatever scripts made of it.
    dom: String,
    /// Messages of the console.
    console: Vec<String>,
    /// First lines of the requests it made, which all went to a proxy of ours.
    requests: Vec<String>,
}

fn browser() -> &'static str {
    parts::needed("Chromium");
    let runs = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    BROWSERS.iter().find(runs).copied().unwrap_or_else(|| {
        panic!("the tests look at the HTML report in Chromium\nhelp: type `apt-get install -y chromium`")
    })
}

/// Opens a page from a file.
fn open(page: &str) -> Seen {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).expect("it can be written");
    let (proxy, requests) = proxy();
    let output = Command::new(browser())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--disable-default-apps",
            "--disable-extensions",
            "--enable-logging=stderr",
        ])
        .arg(format!("--proxy-server=127.0.0.1:{proxy}"))
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let console = said.lines().filter(|line| line.contains("CONSOLE"));
    let requests = requests.lock().expect("nobody panics").clone();
    let own = |line: &&String| OWN_HOSTS.iter().any(|host| line.contains(host));
    Seen {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
        requests: requests.iter().filter(|line| !own(line)).cloned().collect(),
    }
}

/// A proxy that notes what it is asked for and answers nothing.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut line, mut stream) = (String::new(), BufReader::new(stream));
            let _ = stream.read_line(&mut line);
            // Before the browser learns that nothing comes, and may end.
            noted.lock().expect("nobody panics").push(line);
            drop(stream);
        }
    });
    (port, requests)
}

#[test]
fn the_browser_would_tell_if_the_page_asked_anybody_or_complained() {
    let seen = open(
        "<!doctype html><title>x</title><img src='http://example.test/x.png'><script>console.error('oh'); document.title = 'ran'</script>",
    );
    assert!(
        seen.requests
            .iter()
            .any(|line| line.contains("example.test")),
        "{:?}",
        seen.requests
    );
    assert!(!seen.console.is_empty());
    assert!(seen.dom.contains("ran"), "{}", seen.dom);
}

#[test]
fn the_page_is_whole_and_asks_nobody() {
    let page = plain(&literal(), "html");
    let seen = open(&page);
    assert_eq!(seen.requests, [""; 0]);
    assert_eq!(seen.console, [""; 0]);
    for text in [
        "An objective does not hold",
        "weather-rules.yaml",
        "How the numbers are made",
        "</html>",
    ] {
        assert!(seen.dom.contains(text), "{text}");
    }
    // Headings name the sections they belong to, and every drawing says in words what it shows.
    assert_eq!(
        seen.dom.matches("<section").count(),
        seen.dom.matches("<h2 id=").count()
    );
    for plot in seen.dom.split("<div class=\"plot").skip(1) {
        let (tag, _) = plot.split_once('>').expect("it ends");
        assert!(tag.contains("role=\"img\" aria-label=\""), "{tag}");
    }
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("<script"));
}

/// The HTML report of a run, as a browser has read it, and its exit code.
fn page_of(mesh: &Mesh, args: &[&str]) -> (String, Option<i32>) {
    let run = run(&[args, &["-o", "html", &mesh.url("/")]].concat());
    assert!(run.stdout.ends_with("</html>\n"), "{}", run.stderr);
    (open(&run.stdout).dom, run.code)
}

/// The section with this id of its heading.
fn section<'p>(page: &'p str, id: &str) -> &'p str {
    let (_, from) = page
        .split_once(&format!("<section aria-labelledby=\"{id}\">"))
        .unwrap_or_else(|| panic!("there is no section {id}"));
    from.split_once("</section>").expect("it ends").0
}

/// The cells of a table, row by row, without the headings.
fn cells(page: &str, label: &str) -> Vec<Vec<String>> {
    let (_, from) = page
        .split_once(&format!("aria-label=\"{label}"))
        .unwrap_or_else(|| panic!("there is no table {label}"));
    let (table, _) = from.split_once("</tbody>").expect("it ends");
    let (_, body) = table.split_once("<tbody>").expect("it has rows");
    let text = |cell: &str| {
        let (_, text) = cell.split_once('>').expect("a tag");
        text.split_once('<')
            .expect("an end")
            .0
            .replace('\u{202f}', "")
    };
    let row = |row: &str| {
        let cells = row
            .split("<t")
            .skip(1)
            .filter(|cell| !cell.starts_with('r'));
        cells.map(text).collect()
    };
    body.split("<tr>").skip(1).map(row).collect()
}

fn numbers(rows: &[Vec<String>], column: usize) -> Vec<f64> {
    let number = |row: &Vec<String>| row[column].trim_end_matches('%').parse().expect("a number");
    rows.iter().map(number).collect()
}

#[test]
fn charts_over_the_run_are_drawn_over_time_and_over_requests() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .status("v2", 500)
        .start();
    let args = ["-n", "2000", "-c", "1", "--expect", NINETY_TEN];
    let (page, _) = page_of(&mesh, &args);
    let choice = section(&page, "course");
    assert_eq!(
        choice.matches("type=\"radio\"").count(),
        2,
        "time and requests"
    );
    // Shares of two targets; latency, rate and errors.
    for (id, charts) in [("course", 2), ("time", 3)] {
        let own = section(&page, id);
        for axis in ["by-time", "by-requests"] {
            assert_eq!(
                own.matches(&format!("<div class=\"{axis}\"><div class=\"plot"))
                    .count(),
                charts,
                "{id} {axis}"
            );
        }
        assert!(
            own.matches("class=\"tip").count() >= 8 * charts,
            "{id}: nothing to point at"
        );
    }
    // What the table says last is what the page says first.
    let shares = cells(&page, "Shares over the run");
    let last = shares.last().expect("rows");
    assert_eq!(last[0], "2000");
    assert!(
        section(&page, "shares").contains(&format!("<span class=\"seen\">{}</span>", last[2])),
        "{last:?}"
    );
    assert!(
        numbers(&shares, 0).is_sorted() && numbers(&shares, 1).is_sorted(),
        "{shares:?}"
    );
    // Every request is in one interval, and every error in the percentages.
    let rate = cells(&page, "Requests sent per second");
    assert!(
        (numbers(&rate, 1).iter().sum::<f64>() - 2000.0).abs() < 1e-9,
        "{rate:?}"
    );
    // A target without a response in an interval has no percentage there.
    let errors = cells(&page, "Errors: responses with a status");
    for (column, all) in [(2, "0%"), (3, "100%")] {
        let mut own: Vec<&str> = errors.iter().map(|row| row[column].as_str()).collect();
        own.retain(|cell| *cell != "-");
        assert!(
            !own.is_empty() && own.iter().all(|cell| *cell == all),
            "{errors:?}"
        );
    }
}

#[test]
fn what_an_old_report_does_not_hold_is_not_drawn() {
    for name in ["merged", "open-loop", "undeclared", "before-codes"] {
        let path = format!("{}/tests/reports/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let run = run(&["report", "-o", "html", &path]);
        let seen = open(&run.stdout);
        assert!(seen.console.is_empty(), "{name}: {:?}", seen.console);
        assert!(
            !seen.dom.contains("type=\"radio\"") && !seen.dom.contains("id=\"time\""),
            "{name}"
        );
        assert!(
            section(&seen.dom, "course").contains("requests sent"),
            "{name}"
        );
    }
}

#[test]
fn that_connections_are_balanced_is_said_where_the_verdict_finds_it() {
    const FOUND: &str = "connections are balanced, not requests";
    let args = ["-n", "400", "-c", "40", "--expect", NINETY_TEN];
    let sticky = Mesh::split([("v1", 70), ("v2", 30)])
        .seed(7)
        .per_connection()
        .start();
    let (page, code) = page_of(&sticky, &args);
    assert_eq!(code, Some(1));
    assert!(
        section(&page, "connections").contains(FOUND),
        "{}",
        section(&page, "connections")
    );
    // All connections lead to one place here, too: there is no other.
    let alone = Mesh::split([("v1", 1)]).seed(7).start();
    let (page, code) = page_of(&alone, &args);
    assert_eq!(code, Some(1));
    let own = section(&page, "connections");
    assert!(
        own.contains("had all of theirs from one") && !own.contains(FOUND),
        "{own}"
    );
}

#[test]
fn of_many_targets_those_that_are_farthest_off_are_drawn() {
    let names: Vec<String> = (0..25).map(|at| format!("pod-{at:02}")).collect();
    // The last one gets what the one before it should get.
    let weight = |at: usize| match at {
        23 => 0,
        24 => 2,
        _ => 1,
    };
    let split = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), weight(at)));
    let mesh = Mesh::split(split).seed(7).start();
    let expect: Vec<String> = names.iter().map(|name| format!("{name}=4")).collect();
    let (page, code) = page_of(
        &mesh,
        &["-n", "3000", "-c", "8", "--expect", &expect.join(",")],
    );
    assert_eq!(code, Some(1));
    assert!(page.len() < 600_000, "{} bytes", page.len());
    for id in ["course", "time"] {
        let own = section(&page, id);
        assert!(
            own.contains("the 8 of 25 targets that are farthest from their declared share"),
            "{own:.400}"
        );
        for far in ["pod-23", "pod-24"] {
            assert!(
                own.contains(&format!("<bdi>{far}</bdi>")),
                "{far} is not in {id}"
            );
        }
    }
    assert!(section(&page, "time").contains("17 other targets"));
}

#[test]
fn a_page_without_responses_shows_no_shares() {
    let run = run(&[
        "-o",
        "html",
        "-n",
        "3",
        "--expect",
        NINETY_TEN,
        "http://127.0.0.1:9/",
    ]);
    let seen = open(&run.stdout);
    assert_eq!(run.code, Some(4));
    let own = section(&seen.dom, "shares");
    assert!(
        own.contains("There were no responses.") && own.contains("declared 90%"),
        "{own}"
    );
    for said in [
        "class=\"seen\"",
        "below 400",
        "draw of its own",
        "is a response",
    ] {
        assert!(!seen.dom.contains(said), "{said}");
    }
}

#[test]
fn hostile_values_do_nothing_in_a_browser() {
    let seen = open(&plain(&hostile(), "html"));
    assert_eq!(seen.requests, [""; 0]);
    assert_eq!(seen.console, [""; 0]);
    assert!(
        !seen.dom.contains("<script"),
        "a script was made of a value"
    );
    assert!(
        seen.dom.contains("&lt;script&gt;"),
        "the value is shown as text"
    );
    assert!(
        seen.dom.len() < 400_000,
        "{} bytes for a megabyte of value",
        seen.dom.len()
    );
}

#[test]
fn colours_are_told_apart_from_their_ground() {
    let css =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/html.css"))
            .expect("it is there");
    let dark = css
        .find("prefers-color-scheme: dark")
        .expect("a dark scheme");
    let print = css.find("@media print").expect("a print scheme");
    for (scheme, part) in [
        ("light", &css[..dark]),
        ("dark", &css[dark..print]),
        ("print", &css[print..]),
    ] {
        let colour = |name: &str| {
            let at = part
                .find(&format!("--{name}: #"))
                .unwrap_or_else(|| panic!("{scheme} has no --{name}"));
            let hex = part[at..].split('#').nth(1).expect("a colour");
            let hex: String = hex.chars().take_while(char::is_ascii_hexdigit).collect();
            luminance(&hex)
        };
        let card = colour("card");
        for (name, least) in [
            ("ink", 7.0),
            ("soft", 4.5),
            ("good", 4.5),
            ("bad", 4.5),
            ("open", 4.5),
            ("calm", 4.5),
            // Lines and areas: WCAG asks for 3.
            ("c0", 3.0),
            ("c1", 3.0),
            ("c2", 3.0),
            ("c3", 3.0),
            ("c4", 3.0),
            ("c5", 3.0),
            ("c6", 3.0),
            ("c7", 3.0),
        ] {
            let (light, dark) = (card.max(colour(name)), card.min(colour(name)));
            let contrast = (light + 0.05) / (dark + 0.05);
            assert!(
                contrast >= least,
                "{scheme}: --{name} has a contrast of {contrast:.2}"
            );
        }
    }
}

/// Relative luminance as WCAG 2 defines it.
fn luminance(hex: &str) -> f64 {
    let long = if hex.len() == 3 {
        hex.chars().flat_map(|c| [c, c]).collect()
    } else {
        hex.to_owned()
    };
    let channel = |at: usize| {
        let value = u8::from_str_radix(&long[at..at + 2], 16).expect("two digits");
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}
