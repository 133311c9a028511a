//! `resplit completions` and `resplit man`: what the options say of themselves, for shells and for `man`.

use std::io::Write;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command};
use clap_mangen::Man;

use super::args::CompletionsArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::help::whole;
use super::report_output::to_stdout;
use crate::bucket::EXTRACTORS;
use crate::lint::RULES;
use crate::report::FORMATS;

/// Writes the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut completed(), "resplit", &mut text);
    to_stdout(Ok(text))?;
    Ok(Exit::Pass)
}

/// Writes the man page.
pub(super) fn man() -> Result<Exit, Failure> {
    let command = whole();
    let page = Man::new(command.clone()).section("1");
    let mut text = Vec::new();
    let written = page.render(&mut text).and_then(|()| {
        // The options of each command, which the page of the whole only names.
        for own in command.get_subcommands().filter(|own| !own.is_hide_set()) {
            let name = format!("resplit {}", own.get_name()).to_uppercase();
            writeln!(text, ".SH \"{name}\"")?;
            let mut options = Vec::new();
            let own = own.clone().after_help("").after_long_help("");
            Man::new(own).render_options_section(&mut options)?;
            let options = String::from_utf8_lossy(&options).replacen(".SH OPTIONS", "", 1);
            text.write_all(options.trim_start().as_bytes())?;
        }
        Ok(())
    });
    to_stdout(written.map(|()| text))?;
    Ok(Exit::Pass)
}

/// The command line with the words that its options begin with: kinds of buckets, formats of files, rules of lint.
fn completed() -> Command {
    // Made once for a process that ends with them.
    let begun = |words: Vec<String>| {
        let words = words.into_iter().map(|word| &*word.leak());
        words.collect::<Vec<&'static str>>()
    };
    let buckets = EXTRACTORS.iter().map(|extractor| begin(&extractor.form()));
    let buckets = begun(buckets.collect());
    let files = FORMATS.iter().map(|format| format!("{}=", format.name));
    let files = begun(files.collect());
    let rules = RULES.iter().flat_map(|rule| [rule.code.id(), rule.name]);
    let rules: Vec<&'static str> = rules.collect();
    let offer = |arg: Arg| match arg.get_id().as_str() {
        "bucket" => arg.value_parser(PossibleValuesParser::new(&buckets)),
        "report" => arg.value_parser(PossibleValuesParser::new(&files)),
        "explain" | "allow" | "deny" => arg.value_parser(PossibleValuesParser::new(&rules)),
        _ => arg,
    };
    let mut command = whole().mut_args(&offer);
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| sub.mut_args(&offer));
    }
    command
}

/// What a form such as `header:NAME` begins with.
fn begin(form: &str) -> String {
    match form.split_once(':') {
        Some((kind, argument)) if argument.starts_with('/') => format!("{kind}:/"),
        Some((kind, _)) => format!("{kind}:"),
        None => form.to_owned(),
    }
}
