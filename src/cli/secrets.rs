//! What must not be saved or shown: user and password of a URL, query parameters and headers whose names say that they are
//! secrets. Every text that goes into a report passes through here.

use super::credentials;

/// What stands for a secret.
pub(super) const MASK: &str = "***";
/// Names that hold one of these are names of secrets.
const WITHIN: [&str; 11] = [
    "apikey",
    "authoriz",
    "cookie",
    "credential",
    "jwt",
    "passphrase",
    "passw",
    "secret",
    "session",
    "signature",
    "token",
];
/// So are names with one of these as a word: `author`, `monkey` and `design` are none.
const WORDS: [&str; 8] = ["auth", "oauth", "key", "pass", "pwd", "sid", "sig", "hmac"];

/// What becomes of secrets in a query (`--show-query`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// Their values are masked.
    Masked,
    /// They are shown.
    Shown,
}

impl Query {
    /// As `--show-query` says.
    pub(super) fn of(shown: bool) -> Self {
        if shown { Self::Shown } else { Self::Masked }
    }
}

/// Whether a header or parameter of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = String::from_utf8_lossy(&credentials::decoded(name)).into_owned();
    let lower = name.to_ascii_lowercase();
    WITHIN.iter().any(|part| lower.contains(part))
        || words(&name)
            .iter()
            .any(|word| WORDS.contains(&word.as_str()))
}

/// The words of a name, lower case: `X-Amz-Signature`, `accessKeyId` and `AWSAccessKeyId` have three and more.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut before) = (vec![String::new()], ' ');
    for letter in name.chars() {
        let begins = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins || !letter.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words
}

/// A URL, or a path with its query, without the values of parameters that are secrets; any other text as it is.
pub(super) fn query(text: &str, shown: Query) -> String {
    let Some(at) = text.find(['?', '#']).filter(|_| shown == Query::Masked) else {
        return text.to_owned();
    };
    let (path, rest) = text.split_at(at);
    let mut masked = path.to_owned();
    for parameter in rest.split_inclusive(['?', '#', '&', ';']) {
        let end = parameter.len() - usize::from(parameter.ends_with(['?', '#', '&', ';']));
        let (pair, separator) = parameter.split_at(end);
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(pair),
        }
        masked.push_str(separator);
    }
    masked
}

/// A URL without its user and password as well; any other text as it is.
pub(super) fn url(text: &str, shown: Query) -> String {
    let path = text.find(['?', '#']).map_or(text, |at| &text[..at]);
    let begin = path.find("://").map_or(0, |at| at + 3);
    let end = path[begin..].find('/').map_or(path.len(), |at| begin + at);
    let user = path[begin..end].rfind('@').map(|at| begin + at);
    let user = user.filter(|at| begin > 0 || path[..*at].contains(':'));
    query(
        &user.map_or_else(
            || text.to_owned(),
            |at| format!("{}{MASK}{}", &text[..begin], &text[at..]),
        ),
        shown,
    )
}

/// A header field, whose value is masked where its name says that it is a secret, and URLs in it as they may be shown.
pub(super) fn field(text: &str, shown: Query) -> String {
    // `:authority` and `:path` are none.
    if text.starts_with(':') {
        return line(text, shown);
    }
    match text.split_once([':', ';']) {
        Some((name, rest)) if is_secret(name) && !rest.trim().is_empty() => {
            format!("{name}: {MASK}")
        }
        _ => line(text, shown),
    }
}

/// A line of a request or response, with its URLs as they may be shown.
pub(super) fn line(text: &str, shown: Query) -> String {
    let words = text.split_inclusive([' ', '<', '>', '"']);
    let masked = words.map(|word| {
        let bare = word.trim_end_matches([' ', '<', '>', '"']);
        query(bare, shown) + &word[bare.len()..]
    });
    masked.collect()
}

/// The name of a header field whose value is masked.
pub(super) fn masked_name(text: &str) -> Option<&str> {
    let (name, value) = text.split_once(':')?;
    (value.trim() == MASK).then_some(name)
}

/// The names of the query parameters of a URL whose values are masked.
pub(super) fn masked_parameters(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query
        .split(['&', ';', '#'])
        .filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(_, value)| *value == MASK)
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_words_that_look_like_them() {
        for secret in [
            "token",
            "access_token",
            "X-Amz-Security-Token",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "sig",
            "api_key",
            "apikey",
            "apiKey",
            "key",
            "AWSAccessKeyId",
            "client-secret",
            "PASSWORD",
            "passwd",
            "pwd",
            "session_id",
            "Authorization",
            "proxy-authorization",
            "auth",
            "to%6ben",
            "id_token",
            "jwt",
            "x-goog-signature",
            "Set-Cookie",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for plain in [
            "author", "monkey", "design", "keyword", "page", "q", "signal", "compass", "version",
            "bypass", "end-user", "host", "",
        ] {
            assert!(!is_secret(plain), "{plain}");
        }
    }

    #[test]
    fn only_the_values_of_secrets_are_masked() {
        for (typed, shown) in [
            ("http://x/a?b=c&token=t", "http://x/a?b=c&token=***"),
            (
                "/a?sig=s;page=2#access_token=t&b=1",
                "/a?sig=***;page=2#access_token=***&b=1",
            ),
            ("http://x/?token=&key", "http://x/?token=&key"),
            (
                "http://x/?a=b?c=d&&password=p=q",
                "http://x/?a=b?c=d&&password=***",
            ),
            ("v1=90,v2=10", "v1=90,v2=10"),
        ] {
            assert_eq!(query(typed, Query::Masked), shown);
            assert_eq!(query(typed, Query::Shown), typed);
        }
        assert_eq!(
            url("http://u:p@x/?a=@b", Query::Shown),
            "http://***@x/?a=@b"
        );
        assert_eq!(url("u:p@x:80/", Query::Masked), "***@x:80/");
        assert_eq!(url("/v1@x/=v1", Query::Masked), "/v1@x/=v1");
    }

    #[test]
    fn lines_keep_everything_else() {
        for (typed, shown) in [
            (
                "GET /a?token=t&b=c HTTP/1.1",
                "GET /a?token=***&b=c HTTP/1.1",
            ),
            (":path: /a?sig=s", ":path: /a?sig=***"),
            (
                "location: https://x/?code=1&session=s",
                "location: https://x/?code=1&session=***",
            ),
            (
                "link: <https://x/?key=k>; rel=next",
                "link: <https://x/?key=***>; rel=next",
            ),
            ("Authorization: Bearer t", "Authorization: ***"),
            ("X-Api-Key;", "X-Api-Key;"),
        ] {
            assert_eq!(field(typed, Query::Masked), shown);
        }
    }
}
