//! A URL, taken apart.

use http::Uri;

use super::failure::Failure;
use super::grpc::Call;

/// The parts of a URL.
pub(super) struct Url {
    /// What may be shown of it: not who asks.
    pub(super) shown: String,
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
    /// Takes a URL apart.
    pub(super) fn read(url: &str) -> Result<Self, Failure> {
        let wrong = |message: String| {
            Failure::usage(
                message,
                "a URL looks like http://weather-backend:5000/version",
            )
        };
        let shown = shown(url);
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(without_scheme(&shown));
        };
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

/// A URL without user and password, which belong neither on a screen nor into a report.
pub(super) fn shown(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => [&url[..start], &url[start + at + 1..]].concat(),
        None => url.to_owned(),
    }
}

fn without_scheme(url: &str) -> Failure {
    // A slash may be missing, or both.
    let meant = ["http:", "https:"].into_iter().find_map(|scheme| {
        let rest = url.strip_prefix(scheme)?.trim_start_matches('/');
        let port = rest.split('/').next().unwrap_or_default();
        // `http:8080` is a host and its port.
        let host = !port.is_empty() && !port.bytes().all(|byte| byte.is_ascii_digit());
        host.then(|| format!("{scheme}//{rest}"))
    });
    Failure::usage(
        format!("`{url}` is not a valid URL: it does not begin with http:// or https://"),
        format!("type {}", meant.unwrap_or_else(|| format!("http://{url}"))),
    )
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
            ("localhost:8080", "type http://localhost:8080"),
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
        ] {
            assert_eq!(config(&[url]).expect(url).request.url, shown);
        }
        for wrong in [
            "u:secret@a:80",
            "http://u:secret@a:0/",
            "http://u:secret@a b/",
        ] {
            let message = config(&[wrong]).expect_err(wrong).render();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
