//! What a report says of the run itself: when, where, and what was typed, without its secrets.
#![allow(
    clippy::disallowed_methods,
    reason = "this is where the date and the name of the machine are read"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::SystemTime;

use clap::{Arg, Command};

use super::command_line::{has_long, has_short, takes};
use super::failure::Failure;
use super::help;
use super::secrets::{MASK, Query, field, url};
use crate::report::Record;

/// The record of a run that begins now.
pub(super) fn begun(argv: &[String], labels: &BTreeMap<String, String>) -> Record {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let hostname = rustix::system::uname();
    let hostname = hostname.nodename().to_string_lossy();
    Record {
        started_at: Some(now.to_string()),
        argv: argv.to_vec(),
        hostname: Some(hostname.into_owned()).filter(|name| !name.is_empty()),
        labels: labels.clone(),
        generator: None,
    }
}

/// The labels that were typed, each KEY=VALUE.
pub(super) fn labels(typed: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for text in typed {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| {
            Failure::usage(
                format!("`{text}` is not a label"),
                "write it as --label KEY=VALUE, as in --label build=42",
            )
        })?;
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(
                format!("the label `{key}` is given twice"),
                "give each label once",
            ));
        }
    }
    Ok(labels)
}

/// The command line with its secrets masked: credentials, bodies, and the values of headers and parameters whose names say so.
pub(super) fn masked(typed: &[OsString], shown: Query) -> Vec<String> {
    let command = help::whole();
    let mut argv = vec!["resplit".to_owned()];
    let mut option: Option<String> = None;
    let mut operands = false;
    for word in typed.iter().skip(1) {
        let word = word.to_string_lossy();
        if let Some(name) = option.take() {
            argv.push(value(&name, &word, shown));
        } else if operands || !word.starts_with('-') || word == "-" {
            argv.push(url(&word, shown));
        } else if word == "--" {
            operands = true;
            argv.push(word.into_owned());
        } else if let Some(long) = word.strip_prefix("--") {
            if let Some((name, text)) = long.split_once('=') {
                argv.push(format!("--{name}={}", value(name, text, shown)));
                continue;
            }
            let valued = takes(&command, |arg| has_long(arg, long)) == Some(true);
            option = valued.then(|| long.to_owned());
            argv.push(word.into_owned());
        } else {
            let (text, next) = short(&word, &command, shown);
            option = next;
            argv.push(text);
        }
    }
    argv
}

/// Short options in one word, the last of which may have its value in it; else the option whose value comes next.
fn short(word: &str, command: &Command, shown: Query) -> (String, Option<String>) {
    for (at, letter) in word.char_indices().skip(1) {
        if takes(command, |arg| has_short(arg, letter)) != Some(true) {
            continue;
        }
        let name = long_name(command, letter).unwrap_or_default();
        let (options, text) = word.split_at(at + letter.len_utf8());
        return match text {
            "" => (word.to_owned(), Some(name)),
            text => (format!("{options}{}", value(&name, text, shown)), None),
        };
    }
    (word.to_owned(), None)
}

fn long_name(command: &Command, letter: char) -> Option<String> {
    let all = std::iter::once(command).chain(command.get_subcommands());
    let mut args = all.flat_map(Command::get_arguments);
    let arg: &Arg = args.find(|arg| has_short(arg, letter))?;
    arg.get_long().map(str::to_owned)
}

/// The value of an option as it may be saved.
fn value(option: &str, text: &str, shown: Query) -> String {
    match option {
        "auth" => MASK.to_owned(),
        // A file is named, a body is not shown.
        "data" if !text.starts_with('@') => MASK.to_owned(),
        "header" => field(text, shown),
        _ => url(text, shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(typed: &str) -> String {
        let words = typed
            .split(' ')
            .map(|word| OsString::from(word.replace('~', " ")));
        let words: Vec<OsString> = std::iter::once(OsString::from("resplit"))
            .chain(words)
            .collect();
        masked(&words, Query::Masked)[1..].join(" ")
    }

    #[test]
    fn secrets_are_masked_however_they_are_typed() {
        for (typed, shown) in [
            ("-a u:p http://x/", "-a *** http://x/"),
            ("-au:p x:80", "-a*** x:80"),
            ("-va u:p x", "-va *** x"),
            ("--auth=u:p x", "--auth=*** x"),
            ("-H authorization:~Bearer~t x", "-H authorization: *** x"),
            ("-HX-Api-Key:t x", "-HX-Api-Key: *** x"),
            ("--header Cookie:a=b x", "--header Cookie: *** x"),
            ("-d name=x x", "-d *** x"),
            ("-d@body.json x", "-d@body.json x"),
            ("-x http://u:p@proxy:3128 x", "-x http://***@proxy:3128 x"),
            ("http://u:p@x/a@b", "http://***@x/a@b"),
            (
                "http://x/?a=1&access_token=t&sig=s#f",
                "http://x/?a=1&access_token=***&sig=***#f",
            ),
            ("-- http://u@x/", "-- http://***@x/"),
        ] {
            assert_eq!(saved(typed), shown, "{typed}");
        }
    }

    #[test]
    fn everything_else_stands_as_it_was_typed() {
        for typed in [
            "run -n 1000 -c5 --expect v1=90,v2=10 -H end-user:~jason http://x/a?b=c",
            "-f a.yaml --map /v1@x/=v1 --slo v1.p99~<~2ms x:80",
            "-H name; x",
        ] {
            assert_eq!(saved(typed), typed.replace('~', " "), "{typed}");
        }
    }
}
