//! JSON values that stand one behind the other, as `kubectl` takes them: YAML knows no such text.

use std::ops::Range;

/// Where each value is; the whole text where it is no such stream.
pub(super) fn json_stream(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(end) = object_end(text, start) {
        parts.push(start..end);
        start = end;
        if text[end..].trim_start().is_empty() {
            break;
        }
    }
    // What is not closed, and what else follows, is for the parser to complain about.
    if text[start..].trim_start().starts_with('{') {
        parts.push(start..text.len());
    }
    match &mut parts[..] {
        [] | [_] => vec![0..text.len()],
        [.., last] => {
            last.end = text.len();
            parts
        }
    }
}

/// Where the object that begins here ends, if one does.
fn object_end(text: &str, start: usize) -> Option<usize> {
    let rest = text[start..].trim_start_matches('\u{feff}').trim_start();
    if !rest.starts_with('{') {
        return None;
    }
    let start = text.len() - rest.len();
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' if !inside => depth += 1,
            b'}' if !inside => {
                depth -= 1;
                if depth == 0 {
                    return Some(start + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let parts = json_stream(text).into_iter();
        parts.map(|part| &text[part]).collect()
    }

    #[test]
    fn objects_end_where_their_brackets_close() {
        assert_eq!(parts(r#"{"a": "}{\""}{"b": {}}"#).len(), 2);
        assert_eq!(parts("{\"a\": 1}\n{\"b\": 2}\n").len(), 2);
        assert_eq!(
            parts("\u{feff}{}\r\n\t{} \n {}"),
            ["\u{feff}{}", "\r\n\t{}", " \n {}"]
        );
    }

    #[test]
    fn other_texts_are_one_part() {
        for text in [
            "",
            "a: 1\n---\n{b: 2}\n",
            "{\"a\": 1}\n",
            "{\"a\": 1}\n---\n{\"b\": 2}\n",
            "{a: 1} # and {this}\n",
            "{{ .Values.x }}: 1\n",
            "{\"a\": 1",
            "{a: 'it\"s'}\n{b: 1}\n",
        ] {
            assert_eq!(parts(text), [text]);
        }
    }
}
