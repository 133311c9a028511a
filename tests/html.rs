//! The HTML report in a browser: it asks nobody, complains about nothing, and shows what it should.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::formats::{hostile, literal, plain};
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
