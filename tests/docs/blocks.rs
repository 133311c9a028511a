//! Fenced blocks of a page, how each is tested, and the commands in it.
//!
//! A comment in the line before a block says how it is tested: nothing, where it is run and shown to the letter;
//! `<!-- numbers differ -->`, where ports and times do; `<!-- against v1=90,v2=10 -->`, where it is sent to a server that
//! answers like that; `<!-- not run: WHY -->`.

/// How a block is tested.
pub(super) enum Kind {
    /// Run, and shown to the letter.
    Exact,
    /// Run, and the same but for its numbers; against a server with these weights, where it needs one.
    Numbers(Vec<(String, u64)>),
    /// Only read: for a reason that the page gives, or because it is no console.
    Read,
    /// Nobody says.
    Unexplained,
}

/// A block.
pub(super) struct Block<'p> {
    /// Its lines.
    pub(super) text: &'p str,
    /// Where they begin in the page.
    pub(super) start: usize,
    /// How it is tested.
    pub(super) kind: Kind,
    /// Where it begins.
    pub(super) line: usize,
}

/// The console and YAML blocks of a page.
pub(super) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(fence) = page[at..].find("```") {
        let start = at + fence;
        let Some(body) = page[start..].find('\n').map(|end| start + end + 1) else {
            break;
        };
        let end = page[body..]
            .find("\n```")
            .map_or(page.len(), |end| body + end + 1);
        let comment = page[..start].trim_end().lines().last().unwrap_or_default();
        let text = &page[body..end];
        let kind = match page[start + 3..body].trim() {
            "console" => Some(kind(comment)),
            "yaml" | "sh" => Some(Kind::Read),
            _ => None,
        };
        let line = page[..body].lines().count();
        found.extend(kind.map(|kind| Block {
            text,
            start: body,
            kind,
            line,
        }));
        at = page[end..].find('\n').map_or(page.len(), |next| end + next);
    }
    found
}

fn kind(comment: &str) -> Kind {
    let Some(comment) = comment
        .strip_prefix("<!-- ")
        .and_then(|rest| rest.strip_suffix(" -->"))
    else {
        return Kind::Exact;
    };
    if comment == "numbers differ" {
        return Kind::Numbers(Vec::new());
    }
    if let Some(weights) = comment.strip_prefix("against ") {
        let pair = |pair: &str| {
            let (name, weight) = pair.split_once('=').expect("NAME=WEIGHT");
            (name.to_owned(), weight.parse().expect("a weight"))
        };
        return Kind::Numbers(weights.split(',').map(pair).collect());
    }
    match comment.strip_prefix("not run: ") {
        Some(why) if !why.is_empty() => Kind::Read,
        _ => Kind::Unexplained,
    }
}

/// The lines that are typed in a block, continued lines joined; with the output that follows each.
pub(super) fn typed(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().unwrap_or_default());
            }
            commands.push((command, String::new()));
        } else if let Some((_, output)) = commands.last_mut() {
            output.push_str(line);
            output.push('\n');
        }
    }
    commands
}

/// The arguments of every call of resplit in a block: in a console what follows `$`, in YAML every line.
pub(super) fn calls(block: &str) -> Vec<Vec<String>> {
    let commands = typed(block);
    let text = if commands.is_empty() {
        block.to_owned()
    } else {
        let lines: Vec<String> = commands.into_iter().map(|(command, _)| command).collect();
        lines.join("\n")
    };
    let mut calls = Vec::new();
    for words in words(&text) {
        let begin = words.iter().enumerate().position(|(at, word)| {
            let before = &words[..at];
            let keys = before.iter().all(|word| word == "-" || word.ends_with(':'));
            let image = before.last().is_some_and(|word| word == "--rm");
            word == "/resplit" || word == "resplit" && (keys || image)
        });
        if let Some(begin) = begin.filter(|begin| begin + 1 < words.len()) {
            calls.push(words[begin + 1..].to_vec());
        }
    }
    calls
}

/// The simple commands of a shell text as words: quotes taken off, redirections and comments left out. What introduces a
/// command in YAML (`- `, `run: `) is a word of its own, and stands before it.
fn words(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = text
        .replace("\\\n", " ")
        .chars()
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    let mut redirected = false;
    while let Some(c) = chars.next() {
        let ends = c.is_whitespace() || "|;&<>()".contains(c);
        if ends && let Some(word) = word.take() {
            if !std::mem::take(&mut redirected) {
                commands.last_mut().expect("there is one").push(word);
            }
        }
        match c {
            '<' | '>' => redirected = true,
            '\n' | '|' | ';' | '&' | '(' | ')' => commands.push(Vec::new()),
            '#' if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                while let Some(inner) = chars.next_if(|inner| *inner != c) {
                    quoted.push(inner);
                }
                chars.next();
            }
            _ if ends => {}
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let Some(word) = word {
        commands.last_mut().expect("there is one").push(word);
    }
    commands
}

#[test]
fn a_shell_text_is_taken_apart_as_a_shell_does() {
    let text = "$ kubectl get vs -o yaml | resplit -f - \\\n    --slo 'a b < 2' \"http://a/?x\" < in > out.json   # why\n\
                $ docker run --rm resplit --version && echo resplit\nresplit printed\n";
    assert_eq!(
        calls(text),
        [
            vec!["-f", "-", "--slo", "a b < 2", "http://a/?x"],
            vec!["--version"]
        ]
    );
    assert_eq!(
        calls("  script:\n    - resplit -n 5 http://a/\n"),
        [vec!["-n", "5", "http://a/"]]
    );
}
