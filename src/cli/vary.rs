//! `--vary NAME=SOURCE`: values that requests differ in.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::PathBuf;
use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::failure::Failure;
use super::input;

/// The longest line of a file that is a value, and the longest random text.
const LONGEST: u64 = 8 << 10;
const MOST_LETTERS: usize = 1024;
/// What random texts are made of.
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A name, and where its values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// What stands in the request as `{{NAME}}`.
    pub(super) name: String,
    /// Where its values come from.
    pub(super) source: Source,
}

/// Where values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The lines of a file, from the beginning again after the last.
    Lines(PathBuf),
    /// The whole numbers from the first to the last, then again.
    Range(u64, u64),
    /// A random UUID for each request.
    Uuid,
    /// 1, 2, 3 and so on.
    Seq,
    /// So many random letters and digits.
    Random(usize),
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, source) = text.split_once('=').ok_or("write it as NAME=SOURCE")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(valid) {
            return Err(format!(
                "`{name}` is not a valid name: it has letters, digits, `_`, `-` and `.`"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            source: source.parse()?,
        })
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{text}` is not a source of values, expected one of @FILE, FIRST..LAST, uuid, seq, random:LETTERS"
            )
        };
        if let Some(path) = text.strip_prefix('@').filter(|path| !path.is_empty()) {
            return Ok(Self::Lines(path.into()));
        }
        if let Some((first, last)) = text.split_once("..") {
            let number = |text: &str| text.parse::<u64>().map_err(|_| unknown());
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!(
                    "the range `{text}` is empty: write the smaller number first"
                ));
            }
            return Ok(Self::Range(first, last));
        }
        match text.split_once(':') {
            None if text == "uuid" => Ok(Self::Uuid),
            None if text == "seq" => Ok(Self::Seq),
            Some(("random", letters)) => match letters.parse() {
                Ok(letters @ 1..=MOST_LETTERS) => Ok(Self::Random(letters)),
                _ => Err(format!(
                    "`{text}`: a random text has 1 to {MOST_LETTERS} letters"
                )),
            },
            _ => Err(unknown()),
        }
    }
}

/// The values of one variable, one after the other; they never end.
#[derive(Debug)]
pub(super) struct Values {
    source: Source,
    lines: Option<BufReader<File>>,
    /// How many there were.
    at: u64,
    rng: Xoshiro256PlusPlus,
}

impl Values {
    /// The values of a source; `seed` decides what is random.
    pub(super) fn open(source: &Source, seed: u64) -> io::Result<Self> {
        let lines = match source {
            Source::Lines(path) => Some(BufReader::new(input::open(path)?)),
            _ => None,
        };
        let mut values = Self {
            source: source.clone(),
            lines,
            at: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        };
        if let Some(lines) = &mut values.lines {
            // A file without a line has no values, and what cannot be rewound has them once.
            let first = line(lines)?;
            first.ok_or_else(|| io::Error::other("it has no line that is not empty"))?;
            lines.rewind()?;
        }
        Ok(values)
    }

    /// The next value; none where a file can no longer be read.
    pub(super) fn next(&mut self) -> Option<String> {
        let at = self.at;
        self.at += 1;
        match self.source {
            Source::Lines(_) => {
                let lines = self.lines.as_mut()?;
                if let Some(line) = line(lines).ok()? {
                    return Some(line);
                }
                lines.rewind().ok()?;
                line(lines).ok()?
            }
            Source::Range(first, last) => {
                let length = u128::from(last - first) + 1;
                let offset = u64::try_from(u128::from(at) % length).ok()?;
                Some((first + offset).to_string())
            }
            Source::Seq => Some((at + 1).to_string()),
            Source::Uuid => Some(uuid(self.rng.random())),
            Source::Random(letters) => {
                let letter = |_| {
                    let at: usize = self.rng.random_range(0..LETTERS.len());
                    char::from(LETTERS[at])
                };
                Some((0..letters).map(letter).collect())
            }
        }
    }
}

/// The next line that is not empty, without its end; none at the end of the file.
fn line(lines: &mut BufReader<File>) -> io::Result<Option<String>> {
    loop {
        let mut line = String::new();
        if lines.by_ref().take(LONGEST + 2).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end_matches(['\r', '\n']);
        if text.len() as u64 > LONGEST {
            return Err(io::Error::other(format!(
                "a line has more than {LONGEST} bytes"
            )));
        }
        if !text.is_empty() {
            return Ok(Some(text.to_owned()));
        }
    }
}

/// A UUID of version 4 (RFC 9562, 5.4).
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// The values of all variables, row by row.
#[derive(Debug)]
pub(super) struct Rows(Vec<Values>);

impl Rows {
    /// The rows of these variables, from the first.
    pub(super) fn open(variables: &[Variable], seed: u64) -> Result<Self, Failure> {
        let open = |(at, variable): (u64, &Variable)| {
            let values = Values::open(&variable.source, seed.wrapping_add(at));
            values.map_err(|error| {
                let what = match &variable.source {
                    Source::Lines(path) => format!("`{}`", path.display()),
                    _ => "its values".to_owned(),
                };
                Failure::usage(
                    format!("--vary {}: cannot read {what}: {error}", variable.name),
                    "name a file with one value in each line",
                )
            })
        };
        let values = (0..).zip(variables).map(open);
        Ok(Self(values.collect::<Result<_, _>>()?))
    }

    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        self.0.iter_mut().map(Values::next).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn values(source: &str, seed: u64, count: usize) -> Vec<String> {
        let source: Source = source.parse().expect("a source");
        let mut values = Values::open(&source, seed).expect("it opens");
        (0..count).map_while(|_| values.next()).collect()
    }

    #[test]
    fn values_come_in_their_order_and_begin_again() {
        assert_eq!(values("3..5", 0, 7), ["3", "4", "5", "3", "4", "5", "3"]);
        assert_eq!(values("seq", 0, 3), ["1", "2", "3"]);
        assert_eq!(
            values("18446744073709551615..18446744073709551615", 0, 2),
            ["18446744073709551615"; 2]
        );
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        write!(file, "ann\r\n\nbob\nzoë").expect("writable");
        let path = format!("@{}", file.path().display());
        assert_eq!(values(&path, 0, 5), ["ann", "bob", "zoë", "ann", "bob"]);
    }

    #[test]
    fn what_is_random_is_seeded_and_has_its_form() {
        for source in ["uuid", "random:12"] {
            let (own, same, other) = (
                values(source, 1, 9),
                values(source, 1, 9),
                values(source, 2, 9),
            );
            assert_eq!(own, same);
            assert_ne!(own, other);
            let distinct: std::collections::BTreeSet<&String> = own.iter().collect();
            assert_eq!(distinct.len(), 9, "{own:?}");
        }
        let one = values("uuid", 1, 1).remove(0);
        assert_eq!((one.len(), &one[14..15]), (36, "4"), "{one}");
        assert!("89ab".contains(&one[19..20]), "{one}");
        assert_eq!(values("random:12", 1, 1)[0].len(), 12);
    }

    #[test]
    fn what_is_no_source_is_refused_with_what_is_one() {
        for text in [
            "user",
            "=uuid",
            "a b=uuid",
            "a=",
            "a=uid",
            "a=5..1",
            "a=1..",
            "a=random:0",
            "a=random:x",
            "a=@",
        ] {
            assert!(text.parse::<Variable>().is_err(), "{text}");
        }
        let unknown = "user=users.txt".parse::<Variable>().expect_err("no source");
        assert!(unknown.contains("@FILE"), "{unknown}");
    }
}
