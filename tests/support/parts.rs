//! Which tests need a program that Rust does not bring along: they stand in `tests/parts.txt`, and `./test --fast` leaves
//! them out.

/// Tests, or modules of tests (`mechanisms::`), one a line; what follows `#` is a comment.
const LIST: &str = include_str!("../parts.txt");

/// The names in the list.
pub(crate) fn listed() -> impl Iterator<Item = &'static str> {
    LIST.lines()
        .map(|line| line.split('#').next().unwrap_or(line).trim())
        .filter(|name| !name.is_empty())
}

/// Panics where the running test is not in the list. Every helper that starts or fetches such a program asks.
#[track_caller]
pub(crate) fn needed(part: &str) {
    // A test runs on a thread of its name; with `--test-threads=1`, and on threads of a test, there is no name to look up.
    let thread = std::thread::current();
    let Some(test) = thread.name().filter(|name| name.contains("::")) else {
        return;
    };
    assert!(
        listed().any(|name| test.contains(name)),
        "`{test}` needs {part}: add it to tests/parts.txt, which `./test --fast` leaves out"
    );
}
