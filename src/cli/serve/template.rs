//! Places in the options of a check that a caller fills: `{{ args.weight }}`.

use std::collections::BTreeMap;

/// What a caller may write there: too little to get out of its place.
const LONGEST: usize = 100;

enum Piece<'a> {
    Text(&'a str),
    Place(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (place, after) = after
            .split_once("}}")
            .ok_or_else(|| format!("`{text}`: `{{{{` is not closed"))?;
        let name = place.trim().strip_prefix("args.").filter(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        });
        let name = name.ok_or_else(|| format!("`{text}`: write a place as {{{{ args.NAME }}}}"))?;
        pieces.extend([Piece::Text(before), Piece::Place(name)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// The text with what a caller chose.
pub(super) fn filled(text: &str, args: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Place(name) => {
                let value = args
                    .get(name)
                    .ok_or_else(|| format!("the call does not say `{name}`"))?;
                let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                if value.is_empty() || value.len() > LONGEST || !value.chars().all(plain) {
                    return Err(format!(
                        "`{name}` may have letters, digits, `.`, `_` and `-`, and at most {LONGEST} of them"
                    ));
                }
                filled.push_str(value);
            }
        }
    }
    Ok(filled)
}

/// A value for every place, to try whether the options make sense.
pub(super) fn samples(texts: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut samples = BTreeMap::new();
    for text in texts {
        for piece in pieces(text)? {
            if let Piece::Place(name) = piece {
                samples.insert(name.to_owned(), "1".to_owned());
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_nothing_gets_out_of_them() {
        let args = |value: &str| BTreeMap::from([("weight".to_owned(), value.to_owned())]);
        let text = "--expect=v1={{args.weight}},v2={{ args.weight }}";
        assert_eq!(
            filled(text, &args("12.5")).as_deref(),
            Ok("--expect=v1=12.5,v2=12.5")
        );
        for value in [
            "",
            "1,v3=5",
            "1 --data=x",
            "{{ args.weight }}",
            "é",
            &"1".repeat(101),
        ] {
            assert!(filled(text, &args(value)).is_err(), "{value}");
        }
        assert!(filled(text, &BTreeMap::new()).is_err());
        for wrong in ["{{ weight }}", "{{ args. }}", "{{ args.a", "{{ args.a b }}"] {
            assert!(samples(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert_eq!(samples(&[text.to_owned()]).expect("a place"), args("1"));
    }
}
