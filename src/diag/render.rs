//! A [`Note`] as text with the source line and a caret. The only user of annotate-snippets.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Label, Note, Severity, Source, Sources, Span};

/// The most bytes of a source that are shown for one note; of more, the surroundings of each place are.
const WHOLE: usize = 4000;
/// Bytes that are shown before and after a place, and of the place itself, where not everything is.
const AROUND: usize = 60;
const PLACE: usize = 120;
/// Comes after the place of a part that begins within a line: the renderer adds another, counted from where the part begins.
const PLACED: char = '\u{f8ff}';

/// Renders the problems in the order given, one blank line apart, ending in a newline unless there are none.
#[must_use]
pub fn render(notes: &[Note], sources: &Sources, colour: bool) -> String {
    blocks(notes.iter().map(|one| (None, one)), sources, colour)
}

/// The same, each problem under a code: `error[RS001 unknown_subset]: …`.
#[must_use]
pub fn render_coded(notes: &[(String, &Note)], sources: &Sources, colour: bool) -> String {
    let coded = notes.iter();
    blocks(
        coded.map(|(code, one)| (Some(code.as_str()), *one)),
        sources,
        colour,
    )
}

fn blocks<'d>(
    notes: impl Iterator<Item = (Option<&'d str>, &'d Note)>,
    sources: &Sources,
    colour: bool,
) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let blocks: Vec<String> = notes
        .map(|(code, note)| block(code, note, sources, &renderer))
        .collect();
    if blocks.is_empty() {
        String::new()
    } else {
        placed_once(&blocks.join("\n\n")) + "\n"
    }
}

fn block(code: Option<&str>, note: &Note, sources: &Sources, renderer: &Renderer) -> String {
    let level = match note.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let title = level.primary_title(note.message.as_str());
    let title = match code {
        Some(code) => title.id(code),
        None => title,
    };
    let mut group = Group::with_title(title);
    let mut remaining: Vec<_> = note.labels.iter().enumerate().collect();
    while let Some((_, first)) = remaining.first() {
        let source_id = first.span.source;
        let (here, others) = remaining
            .into_iter()
            .partition(|(_, label)| label.span.source == source_id);
        group = snippets(group, sources.get(source_id), here);
        remaining = others;
    }
    match &note.help {
        // Without a snippet there is no gutter that a note could hang on.
        Some(help) if note.labels.is_empty() => {
            let title = renderer.render(&[group]);
            let help = Group::with_title(Level::HELP.primary_title(help.as_str()));
            format!("{title}\n{}", renderer.render(&[help]))
        }
        Some(help) => renderer.render(&[group.element(Level::HELP.message(help.as_str()))]),
        None => renderer.render(&[group]),
    }
}

/// Without the second of two places after a path.
fn placed_once(text: &str) -> String {
    let mut parts = text.split(PLACED);
    let mut once = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let second = |c: char| c == ':' || c.is_ascii_digit();
        if part.starts_with(':') {
            once.push_str(part.trim_start_matches(second));
        } else {
            once.extend([PLACED]);
            once.push_str(part);
        }
    }
    once
}

/// A part of a source, and what is marked in it.
struct Window<'s> {
    /// The number of its first line, from 1.
    line: usize,
    /// Where that begins.
    line_start: usize,
    /// Where the part begins and ends.
    from: usize,
    to: usize,
    /// The number of each label, and where it is.
    labels: Vec<(usize, &'s Label, std::ops::Range<usize>)>,
}

/// Adds the labels of one source to a group.
fn snippets<'s>(
    mut group: Group<'s>,
    source: &'s Source,
    labels: Vec<(usize, &'s Label)>,
) -> Group<'s> {
    for window in windows(source, labels) {
        let text = &source.text()[window.from..window.to];
        let path = if window.from == window.line_start {
            source.name().to_owned()
        } else {
            let place = window.labels.first();
            let place = place.map_or(window.from, |(.., place)| place.start);
            let column = source.text()[window.line_start..place].chars().count() + 1;
            format!("{}:{}:{column}{PLACED}", source.name(), window.line)
        };
        let mut snippet = Snippet::source(text).line_start(window.line).path(path);
        for (index, label, place) in window.labels {
            let kind = if index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let annotation = kind.span(place.start - window.from..place.end - window.from);
            snippet = snippet.annotation(if label.message.is_empty() {
                annotation
            } else {
                annotation.label(label.message.as_str())
            });
        }
        group = group.element(snippet);
    }
    group
}

/// The lines that hold all labels; where that is much (a dump has half a million lines, compact JSON one of a megabyte), the
/// surroundings of each.
fn windows<'s>(source: &Source, labels: Vec<(usize, &'s Label)>) -> Vec<Window<'s>> {
    let text = source.text();
    let spans = || labels.iter().map(|(_, label)| label.span);
    let first = spans().map(|span| span.start).min().unwrap_or(0);
    let last = spans().map(|span| span.end).max().unwrap_or(0);
    let (line, line_start) = line_of(source, first);
    let to = line_end(text, last);
    if to - line_start <= WHOLE {
        let place =
            |(index, label): (usize, &'s Label)| (index, label, label.span.start..label.span.end);
        return vec![Window {
            line,
            line_start,
            from: line_start,
            to,
            labels: labels.into_iter().map(place).collect(),
        }];
    }
    let mut windows: Vec<Window<'s>> = Vec::new();
    for (index, label) in labels {
        let own = around(source, index, label);
        let near = windows.iter_mut().find(|window| {
            window.line == own.line && window.from <= own.to && own.from <= window.to
        });
        match near {
            Some(window) => {
                window.from = window.from.min(own.from);
                window.to = window.to.max(own.to);
                window.labels.extend(own.labels);
            }
            None => windows.push(own),
        }
    }
    windows
}

/// The surroundings of a label, within the line in which it begins.
fn around<'s>(source: &Source, index: usize, label: &'s Label) -> Window<'s> {
    let (text, Span { start, end, .. }) = (source.text(), label.span);
    let (line, line_start) = line_of(source, start);
    let line_end = line_end(text, start);
    let end = boundary(text, end.min(line_end).min(start + PLACE)).max(start);
    let from = if start - line_start <= 2 * AROUND {
        line_start
    } else {
        boundary(text, start - AROUND)
    };
    let to = boundary(text, (end + AROUND).min(line_end)).max(end);
    Window {
        line,
        line_start,
        from,
        to,
        labels: vec![(index, label, start..end)],
    }
}

/// The last place up to this one at which a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let mut places = (0..=at).rev();
    places
        .find(|place| text.is_char_boundary(*place))
        .unwrap_or(0)
}

/// The number of the line that holds a place, and where it begins.
fn line_of(source: &Source, at: usize) -> (usize, usize) {
    let starts = source.lines();
    let line = starts.partition_point(|start| *start <= at);
    (line, starts[line - 1])
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |newline| at + newline)
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Note, Sources, Span};
    use super::render;

    #[test]
    fn shows_file_line_column_and_a_caret() {
        let mut sources = Sources::new();
        let id = sources.add("vs.yaml", "route:\n- weight: \"90\"\n");
        let problem = Note::new(
            Code::WrongType,
            "weight must be an integer, not the string `90`",
        )
        .at(Span::new(id, 17..21), "a string")
        .help("remove the quotes");
        let text = render(&[problem], &sources, false);
        for part in [
            "error: weight must be",
            "vs.yaml:2:11",
            "- weight: \"90\"",
            "^^^^ a string",
            "help: remove the quotes",
        ] {
            assert!(text.contains(part), "{part:?} missing in\n{text}");
        }
    }
    #[test]
    fn fault_9b_of_a_long_line_the_surroundings_of_each_place_are_shown() {
        let route = |at: usize| format!("{{\"prefix\":\"/ä{at}\"}},");
        let text: String = (0..5000).map(route).collect();
        let place = |at: usize| {
            let start = text.find(&route(at)).expect("a route");
            start..start + route(at).len() - 1
        };
        let mut sources = Sources::new();
        let id = sources.add("vs.json", text.clone());
        let span = |at: usize| Span::new(id, place(at));
        let note = Note::new(Code::WrongType, "never reached")
            .at(span(4000), "here")
            .at(span(3), "before")
            .at(span(4001), "beside");
        let rendered = render(&[note], &sources, false);
        assert!(rendered.len() < 1500, "{rendered}");
        let column = text[..place(4000).start].chars().count() + 1;
        for part in [
            &format!("vs.json:1:{column}"),
            "/ä4000",
            "/ä3\"",
            "here",
            "before",
            "beside",
        ] {
            assert!(rendered.contains(part), "{part} missing in\n{rendered}");
        }
        // A place that is nearly the whole text is shown by how it begins.
        let all = Note::new(Code::WrongType, "all of it").at(Span::new(id, 0..text.len()), "this");
        assert!(render(&[all], &sources, false).len() < 1500);
    }
}
