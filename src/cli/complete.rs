//! `resplit completions` and `resplit man`: what the options say of themselves, for shells and for `man`.

use std::io::Write;

use clap_mangen::Man;

use super::args::CompletionsArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::help::whole;
use super::report_output::to_stdout;

/// Writes the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut whole(), "resplit", &mut text);
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
