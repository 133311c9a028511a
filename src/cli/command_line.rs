//! The command line before clap sees it, and what to say where clap does not understand it: options in front of the
//! command, commands and options with a typo, and flags that mean something else to other tools.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::failure::Failure;
use super::foreign_flags;
use super::help;
use crate::diag::nearest::nearest;

/// Words that other tools have for a command, and what it is here.
const SYNONYMS: [(&str, &str); 9] = [
    ("version", "resplit --version"),
    ("analyze", "resplit lint"),
    ("check", "resplit lint"),
    ("validate", "resplit lint"),
    ("load", "resplit run"),
    ("plan", "resplit size"),
    ("compare", "resplit report --compare"),
    ("diff", "resplit report --compare"),
    ("merge", "resplit report"),
];
/// Options whose value may begin with a dash.
const HYPHENS: [&str; 3] = ["-z", "--duration", "--resolve"];

/// The command line as clap is to read it: the command first. Refused is what clap would take for something else.
pub(super) fn read(typed: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let command = help::whole();
    let words: Vec<&str> = typed
        .iter()
        .skip(1)
        .map(|word| word.to_str().unwrap_or_default())
        .take_while(|word| *word != "--")
        .collect();
    refuse_single_dashes(&words, &command)?;
    let Some(at) = first_positional(&words, &command) else {
        return Ok(typed);
    };
    let word = words[at];
    if command.find_subcommand(word).is_none() && word != "help" {
        return misspelt(word, &command).map_or(Ok(typed), Err);
    }
    let mut typed = typed;
    let name = typed.remove(at + 1);
    typed.insert(1, name);
    Ok(typed)
}

/// Long names with one dash, which clap takes for a short option and its value.
fn refuse_single_dashes(words: &[&str], command: &Command) -> Result<(), Failure> {
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        if HYPHENS.contains(&before) {
            continue;
        }
        if before == "-d" && foreign_flags::is_duration(word) {
            return Err(Failure::usage(
                format!("`-d {word}` reads as a duration, and -d is the body here"),
                foreign_flags::duration(word),
            ));
        }
        if let Some(here) = foreign_flags::one_dash(word) {
            let message = format!("`{word}` is not an option of resplit");
            return Err(Failure::usage(message, here));
        }
        let name = word.strip_prefix('-').filter(|name| name.len() > 2);
        let name = name.and_then(|name| name.split('=').next());
        if let Some(name) = name
            && takes(command, |arg| has_long(arg, name)).is_some()
        {
            return Err(Failure::usage(
                format!("`{word}` has one dash"),
                format!("long options have two: --{}", &word[1..]),
            ));
        }
    }
    Ok(())
}

/// Where the first word stands that is neither an option nor the value of one.
fn first_positional(words: &[&str], command: &Command) -> Option<usize> {
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        let needs_value = if let Some(name) = word.strip_prefix("--") {
            !name.contains('=') && takes(command, |arg| has_long(arg, name)) == Some(true)
        } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            last_needs_value(letters, command)
        } else {
            return Some(at);
        };
        at += 1 + usize::from(needs_value);
    }
    None
}

/// Whether the last of several short options takes the next word: `-vn 5` does, `-vn5` has its value already.
fn last_needs_value(letters: &str, command: &Command) -> bool {
    for (at, letter) in letters.char_indices() {
        if takes(command, |arg| has_short(arg, letter)) == Some(true) {
            return at + letter.len_utf8() == letters.len();
        }
    }
    false
}

/// Whether an option takes a value, by any command that has it.
pub(super) fn takes(command: &Command, is: impl Fn(&Arg) -> bool) -> Option<bool> {
    let all = std::iter::once(command).chain(command.get_subcommands());
    let mut found = None;
    for arg in all.flat_map(Command::get_arguments).filter(|arg| is(arg)) {
        // What stands behind an equals sign is in the same word.
        let takes = arg.get_action().takes_values() && !arg.is_require_equals_set();
        found = Some(found.unwrap_or(false) || takes);
    }
    found
}

pub(super) fn has_long(arg: &Arg, name: &str) -> bool {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    arg.get_long() == Some(name) || aliases.contains(&name)
}

pub(super) fn has_short(arg: &Arg, letter: char) -> bool {
    let aliases = arg.get_all_short_aliases().unwrap_or_default();
    arg.get_short() == Some(letter) || aliases.contains(&letter)
}

/// What to say where a word in the place of the command is almost one.
fn misspelt(word: &str, command: &Command) -> Option<Failure> {
    if word.contains([':', '/', '.', '[', '=']) {
        return None;
    }
    let names = || command.get_subcommands().map(Command::get_name);
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == word);
    let begun = || {
        let mut begun = names().filter(|name| word.len() > 2 && name.starts_with(word));
        begun.next().filter(|_| begun.next().is_none())
    };
    let meant = match synonym {
        Some((_, meant)) => (*meant).to_owned(),
        None => format!("resplit {}", nearest(word, names()).or_else(begun)?),
    };
    Some(Failure::usage(
        format!("`{word}` is not a command"),
        format!("did you mean `{meant}`? A host of that name is written http://{word}"),
    ))
}

/// What to say in place of clap, where more is known than clap knows.
pub(super) fn explain(error: &clap::Error, typed: &[OsString]) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?;
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with('-') => Some(unknown(flag, typed)),
        ErrorKind::ValueValidation if flag.starts_with("--requests") => {
            let value = text(ContextKind::InvalidValue)?;
            let name = value.starts_with(|c: char| c.is_ascii_alphabetic());
            name.then(|| {
                Failure::usage(
                    format!("-n {value}: -n is the number of requests"),
                    format!("kubectl's -n is --from-namespace here: --from-namespace {value}"),
                )
            })
        }
        _ => None,
    }
}

/// What to say of an option that no option is.
fn unknown(flag: &str, typed: &[OsString]) -> Failure {
    let whole = help::whole();
    let word = typed.get(1).and_then(|word| word.to_str());
    let sub = word.and_then(|word| whole.find_subcommand(word));
    let (command, called) = match sub {
        Some(sub) => (sub, format!("resplit {}", sub.get_name())),
        None => (&whole, "resplit".to_owned()),
    };
    let flag = flag.split('=').next().unwrap_or(flag);
    let message = format!("`{flag}` is not an option of `{called}`");
    if let Some(here) = foreign_flags::here(flag) {
        return Failure::usage(message, here);
    }
    let name = flag.trim_start_matches('-');
    let longs = || {
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        shown.filter_map(Arg::get_long)
    };
    let near = nearest(name, longs())
        .or_else(|| longs().find(|long| name.len() > 3 && long.starts_with(name)));
    if let Some(near) = near {
        return Failure::usage(message, format!("did you mean --{near}?"));
    }
    let elsewhere: Vec<String> = std::iter::once(&whole)
        .chain(
            whole
                .get_subcommands()
                .filter(|sub| sub.get_name() != "run"),
        )
        .filter(|other| {
            other
                .get_arguments()
                .any(|arg| arg.get_long() == Some(name) && !arg.is_hide_set())
        })
        .map(|other| {
            if other.get_name() == "resplit" {
                "`resplit run`".to_owned()
            } else {
                format!("`resplit {}`", other.get_name())
            }
        })
        .collect();
    let help = if elsewhere.is_empty() {
        format!("`{called} --help` explains every option")
    } else {
        format!("it is an option of {}", elsewhere.join(" and "))
    };
    Failure::usage(message, help)
}
