//! Pages that are made of what the code holds: a page for each rule of lint, the help of each command, and tables.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use resplit::lint::{RULES, Rule};
use resplit::report::lint::severity;

use super::{root, updates};
use crate::support::cmd::{resplit, run};

/// Commands, and what each is for.
const COMMANDS: &[(&str, &str)] = &[
    (
        "run",
        "Sends requests, counts which version answered, and judges the split. `resplit URL` is the same.",
    ),
    (
        "explain",
        "Says which rule takes a request, and why the others do not. Sends nothing.",
    ),
    (
        "lint",
        "Says why a split in manifests would not take effect. Sends nothing.",
    ),
    (
        "endpoints",
        "Sends requests that name their endpoint, and says whether they land on it.",
    ),
    (
        "test",
        "Checks requests against manifests: which rule takes each, and what it makes of it. Sends nothing.",
    ),
    (
        "instrument",
        "Prints what makes a mesh write who answered into a response header. Sends and changes nothing.",
    ),
    (
        "size",
        "Says how many requests it takes to see a given drift. Sends nothing.",
    ),
    (
        "judge",
        "Gives the verdict of a run on counts from elsewhere. Sends nothing.",
    ),
    (
        "job",
        "Prints a Kubernetes Job of several generators for `kubectl apply -f -`. Sends nothing.",
    ),
    (
        "serve",
        "Runs named checks for gates that call a webhook: [A service for gates](../guide/serve.md).",
    ),
    (
        "monitor",
        "Watches a split for ever, and tells when it changes: [Watch a split for ever](../guide/monitor.md).",
    ),
    (
        "report",
        "Merges saved reports, judges them again, and writes any format. Sends nothing.",
    ),
    (
        "demo",
        "Runs the main job against a mesh inside the process.",
    ),
    (
        "wait",
        "Does nothing until SIGTERM: the main process of a pod that you exec into.",
    ),
    ("completions", "Writes completions for a shell."),
    ("man", "Writes the man page."),
];

/// Fails where a page is not what it should be, or writes it.
#[track_caller]
fn is(path: &Path, wanted: &str) {
    let held = fs::read_to_string(path).unwrap_or_default();
    if held != wanted {
        assert!(
            updates(),
            "{} is out of date: UPDATE_DOCS=1 cargo test docs::",
            path.display()
        );
        fs::create_dir_all(path.parent().expect("a page lies in a folder"))
            .expect("it can be made");
        fs::write(path, wanted).expect("the page can be written");
    }
}

/// A table between two comments of a page.
#[track_caller]
fn table(page: &str, name: &str, wanted: &str) {
    let path = root().join("docs/src").join(page);
    let text = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text
        .split_once(&format!("<!-- {name} -->\n"))
        .unwrap_or_else(|| panic!("{page} has no <!-- {name} -->"));
    let (_, after) = rest
        .split_once("\n\n")
        .expect("the table ends with an empty line");
    is(
        &path,
        &format!("{before}<!-- {name} -->\n{wanted}\n\n{after}"),
    );
}

/// A sentence of a message: with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().collect());
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

fn page_of(rule: &Rule) -> String {
    let id = rule.code.id();
    let mut page = format!("# {id} {}\n\n", rule.name.replace('_', " "));
    let _ = writeln!(page, "{}\n", sentence(rule.code.title()));
    let istio = rule.istio.map_or_else(String::new, |code| {
        format!(", {code} of `istioctl analyze`")
    });
    let _ = writeln!(
        page,
        "Severity: {}{istio}. Name: `{}`.\n",
        severity(rule),
        rule.name
    );
    let _ = writeln!(page, "**Why it matters.** {}\n", sentence(rule.rationale));
    let _ = writeln!(page, "**What to do.** {}\n", sentence(rule.fix));
    for (kind, title) in [
        ("bad", "Manifests that break it"),
        ("good", "Manifests that keep it"),
    ] {
        let file = format!("tests/lint/{id}_{kind}.yaml");
        let Ok(text) = fs::read_to_string(root().join(&file)) else {
            continue;
        };
        let (options, text) = match text
            .strip_prefix("# lint: ")
            .and_then(|rest| rest.split_once('\n'))
        {
            Some((options, rest)) => (format!(" {options}"), rest.to_owned()),
            None => (String::new(), text),
        };
        let _ = writeln!(page, "## {title}\n\n```yaml\n{}\n```\n", text.trim());
        let args = format!("lint -f {file}{options}");
        let output = resplit()
            .current_dir(root())
            .args(args.split_whitespace())
            .output()
            .expect("the binary runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code().expect("it ended by itself");
        let _ = write!(page, "```console\n$ resplit {}\n{printed}", quoted(&args));
        if code != 0 {
            let _ = write!(page, "$ echo $?\n{code}\n");
        }
        page.push_str("```\n\n");
    }
    let _ = writeln!(
        page,
        "To allow it in one place, write `# resplit: allow({id})` on the line or alone above it. To leave the rule out, pass\n\
         `--allow {}`. [All rules](README.md)",
        rule.name
    );
    page
}

/// Arguments as a shell takes them.
fn quoted(args: &str) -> String {
    let safe = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c))
    };
    let words = args.split_whitespace().map(|word| {
        if safe(word) {
            word.to_owned()
        } else {
            format!("'{word}'")
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_rule_has_its_page() {
    let mut index = String::from(
        "# Rules\n\n`resplit lint` checks these rules. `resplit lint --explain RS001` shows one in the terminal.\n\n\
         | rule | name | severity | what is found |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        let (id, title) = (rule.code.id(), rule.code.title());
        let _ = writeln!(
            index,
            "| [{id}]({id}.md) | `{}` | {} | {title} |",
            rule.name,
            severity(rule)
        );
        is(
            &root().join(format!("docs/src/rules/{id}.md")),
            &page_of(rule),
        );
    }
    is(&root().join("docs/src/rules/README.md"), &index);
    let pages = RULES.iter().map(|rule| {
        let (id, name) = (rule.code.id(), rule.name.replace('_', " "));
        format!("  - [{id} {name}](rules/{id}.md)")
    });
    let list = pages.collect::<Vec<_>>().join("\n");
    table(
        "SUMMARY.md",
        "rules",
        &format!("- [Rules](rules/README.md)\n{list}"),
    );
}

#[test]
fn every_command_has_its_page() {
    for &(name, what) in COMMANDS {
        let help = run(&["help", name]).exits(0).stdout;
        let page = format!(
            "# resplit {name}\n\n{what}\n\n```text\n$ resplit help {name}\n{}\n```\n",
            help.trim_end()
        );
        is(&root().join(format!("docs/src/reference/{name}.md")), &page);
    }
    let help = run(&["--help"]).exits(0).stdout;
    let (_, listed) = help
        .split_once("Other commands:\n")
        .unwrap_or_else(|| panic!("{help}"));
    let listed = listed.lines().take_while(|line| !line.trim().is_empty());
    let names = listed.filter_map(|line| {
        line.strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
    });
    for name in names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
    {
        assert!(
            COMMANDS.iter().any(|(known, _)| *known == name),
            "`{name}` has no page"
        );
    }
}

#[test]
fn tables_list_what_there_is() {
    let formats = resplit::report::FORMATS.iter();
    let rows = formats.map(|format| format!("| `{}` | {} |", format.name, format.summary));
    let rows = rows.collect::<Vec<_>>().join("\n");
    table(
        "reference/formats.md",
        "formats",
        &format!("| format | what it is |\n|---|---|\n{rows}"),
    );
    let flags = resplit::verdict::RESPONSE_FLAGS.iter().map(|flag| {
        let step = flag.step.replace("{names}", "the target");
        format!(
            "| `{}` | {} | {} | {step} |",
            flag.short, flag.status, flag.means
        )
    });
    let flags = flags.collect::<Vec<_>>().join("\n");
    table(
        "reference/response-flags.md",
        "flags",
        &format!("| flag | status | what happened | next step |\n|---|---|---|---|\n{flags}"),
    );
    let extractors = resplit::bucket::EXTRACTORS.iter();
    let rows =
        extractors.map(|extractor| format!("| `{}` | {} |", extractor.form(), extractor.summary));
    let rows = rows.collect::<Vec<_>>().join("\n");
    table(
        "guide/versions.md",
        "extractors",
        &format!("| `--bucket` | what it takes from a response |\n|---|---|\n{rows}"),
    );
}
