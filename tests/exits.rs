//! The exit table is the same in `--help`, in the docs and in the code.

use crate::support::cmd::resplit;

#[test]
fn help_and_docs_show_the_exit_table() {
    let help = resplit()
        .env("COLUMNS", "200")
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/src/reference/exit-codes.md"
    );
    let page = std::fs::read_to_string(page).expect("a page");
    for exit in resplit::cli::Exit::ALL {
        let line = format!("{:>3}  {}", exit.code(), exit.meaning());
        assert!(help.contains(&line), "--help lacks {line:?}");
        let row = format!(
            "| {} | {} |",
            exit.code(),
            exit.meaning().replace('|', r"\|")
        );
        assert!(page.contains(&row), "the page lacks {row:?}");
    }
}
