//! A URL, taken apart.

use http::Uri;

use super::failure::Failure;
use super::grpc::Call;
use super::secrets::{self, Query};

/// The parts of a URL.
pub(super) struct Url {
    /// What may be shown of it: not who asks, and no secrets in the query.
    pub(super) shown: String,
    /// All of it but who asks.
    pub(super) whole: String,
    /// Within TLS.
    pub(super) https: bool,
    /// Without brackets.
    pub(super) host: String,
    /// As typed, or that of the scheme.
    pub(super) port: u16,
    /// Host and port as typed, as they go into the `Host` header.
    pub(super) authority: String,
    /// User and password as typed.
    pub(super) userinfo: Option<String>,
    /// Path and query.
    pub(super) target: Uri,
}

impl Url {
    /// Takes a URL apart. As in curl, `host:port/path` is a URL too: http.
    pub(super) fn read(typed: &str) -> Result<Self, Failure> {
        let url = &if has_scheme(typed) {
            typed.to_owned()
        } else {
            with_scheme(typed)?
        };
        let wrong = |message: String| {
            Failure::usage(
                message,
                "a URL looks like http://weather-backend:5000/version",
            )
        };
        let shown = shown(url);
        let (scheme, rest) = url.split_once("://").expect("it has a scheme by now");
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => {
                return Err(wrong(format!(
                    "`{scheme}` is not a supported scheme: expected http or https"
                )));
            }
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest
            .find(['/', '?'])
            .map_or((rest, ""), |at| rest.split_at(at));
        let (userinfo, authority) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(user, host)| {
                (Some(user.to_owned()), host)
            });
        let userinfo = userinfo.filter(|userinfo| !userinfo.is_empty());
        let parsed: http::uri::Authority = authority
            .parse()
            .map_err(|error| wrong(format!("`{shown}` is not a valid URL: {error}")))?;
        let host = parsed
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(wrong(format!("`{shown}` does not name a host")));
        }
        // `Authority` accepts a port it cannot represent and then has none.
        let port = match parsed.port_u16() {
            Some(0) => None,
            None if authority.len() == parsed.host().len() => Some(if https { 443 } else { 80 }),
            port => port,
        };
        let port =
            port.ok_or_else(|| wrong(format!("`{authority}` has no port between 1 and 65535")))?;
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let target = path
            .parse()
            .map_err(|error| wrong(format!("`{path}` is not a valid path: {error}")))?;
        Ok(Self {
            shown,
            whole: without_user(url),
            https,
            host,
            port,
            authority: authority.to_owned(),
            userinfo,
            target,
        })
    }

    /// The same server, and the path of a gRPC call.
    pub(super) fn calling(self, call: &Call) -> Result<Self, Failure> {
        let target = call.path.parse().map_err(|error| {
            let message = format!("--grpc: `{}` is not a valid path: {error}", call.path);
            Failure::usage(message, "write it as --grpc PACKAGE.SERVICE/METHOD")
        })?;
        Ok(Self { target, ..self })
    }
}

/// A URL without its secrets, which belong neither on a screen nor into a report.
pub(super) fn shown(url: &str) -> String {
    secrets::query(&without_user(url), Query::Masked)
}

/// A URL without user and password.
fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => [&url[..start], &url[start + at + 1..]].concat(),
        None => url.to_owned(),
    }
}

fn has_scheme(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| {
        scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The URL of what was typed without a scheme. A single word is not taken for a host: it may be a command or a file.
fn with_scheme(typed: &str) -> Result<String, Failure> {
    let shown = shown(typed);
    // A slash may be missing, or both.
    let slips = ["http:", "https:"].into_iter().find(|scheme| {
        let start = typed.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if let Some(scheme) = slips {
        let rest = self::shown(typed[scheme.len()..].trim_start_matches('/'));
        let port = rest.split('/').next().unwrap_or_default();
        // `http:8080` is a host and its port.
        let host = !port.is_empty() && !port.bytes().all(|byte| byte.is_ascii_digit());
        let meant = if host {
            format!("{scheme}//{rest}")
        } else {
            format!("http://{shown}")
        };
        return Err(Failure::usage(
            format!("`{shown}` is not a valid URL: it does not begin with http:// or https://"),
            format!("type {meant}"),
        ));
    }
    let file = [".yaml", ".yml", ".json"];
    if file.iter().any(|end| typed.ends_with(end)) && !typed.contains(':') {
        return Err(Failure::usage(
            format!("`{shown}` looks like a file, and a URL is needed"),
            format!("pass the file as -f {shown}, and add the URL"),
        ));
    }
    if typed == "localhost" || typed.contains([':', '/', '.', '[']) {
        return Ok(format!("http://{typed}"));
    }
    Err(Failure::usage(
        format!("`{shown}` is neither a URL nor a command"),
        format!("for a host of that name type http://{shown}; `resplit --help` lists the commands"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::config;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, host, port, authority, target) in [
            ("http://a", "a", 80, "a", "/"),
            ("https://a/x?y=1#z", "a", 443, "a", "/x?y=1"),
            ("http://[::1]:8080?q", "::1", 8080, "[::1]:8080", "/?q"),
            (
                "HTTP://u:p@a:5000/%2e%2E/b",
                "a",
                5000,
                "a:5000",
                "/%2e%2E/b",
            ),
            ("localhost", "localhost", 80, "localhost", "/"),
            ("a:5000/version", "a", 5000, "a:5000", "/version"),
            ("a.b?u=http://c", "a.b", 80, "a.b", "/?u=http://c"),
            ("[::1]:81/x", "::1", 81, "[::1]:81", "/x"),
        ] {
            let config = config(&[url]).expect(url);
            let request = &config.request;
            assert_eq!(
                (
                    request.host.as_str(),
                    request.port,
                    request.target.to_string().as_str()
                ),
                (host, port, target),
                "{url}"
            );
            assert_eq!(request.headers["host"], authority, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_says_why_and_what_to_type() {
        for (url, part) in [
            ("weather", "type http://weather;"),
            ("rules.yaml", "pass the file as -f rules.yaml"),
            (
                "./rules/canary.yml",
                "pass the file as -f ./rules/canary.yml",
            ),
            ("http:/a/b", "type http://a/b\n"),
            ("https:a", "type https://a\n"),
            ("http:8080/", "type http://http:8080/"),
            ("ftp://a/", "`ftp` is not a supported scheme"),
            ("http://", "not a valid URL"),
            ("http://:80/", "does not name a host"),
            ("http://a:0/", "no port"),
            ("http://a:70000/", "no port"),
            ("http://a b/", "not a valid URL"),
            ("http://a/b c", "is not a valid path"),
        ] {
            let message = config(&[url]).expect_err(url).render();
            assert!(
                message.contains(part) && message.contains("help: "),
                "{url}: {message}"
            );
        }
    }

    #[test]
    fn nobody_reads_a_password() {
        for (url, shown) in [
            ("http://u:p@a:80/@b?c=d@e", "http://a:80/@b?c=d@e"),
            ("http://u:p@w@a#x", "http://a#x"),
            ("http://a/u:p@b", "http://a/u:p@b"),
            ("u:p@a:80/b", "http://a:80/b"),
        ] {
            assert_eq!(config(&[url]).expect(url).request.url, shown);
        }
        for wrong in [
            "http:u:secret@a:80",
            "http://u:secret@a:0/",
            "http://u:secret@a b/",
        ] {
            let message = config(&[wrong]).expect_err(wrong).render();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
