//! Which versions of its route configurations a proxy has: a dump in which everything else was masked.

use serde::Deserialize;

use super::PageError;

/// A route configuration that a control plane gave to the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteVersion {
    /// `5000`, `http.8080`.
    pub name: String,
    /// What the control plane calls it.
    pub version: String,
    /// When the proxy took it, RFC 3339.
    pub last_updated: String,
}

/// Reads `/config_dump?resource=dynamic_route_configs&mask=version_info,last_updated,route_config.name`.
pub fn route_versions(text: &str) -> Result<Vec<RouteVersion>, PageError> {
    let page: Page = serde_json::from_str(text)?;
    let mut found: Vec<RouteVersion> = (page.configs.into_iter())
        .map(|config| RouteVersion {
            name: config.routes.name,
            version: config.version_info,
            last_updated: config.last_updated,
        })
        .collect();
    // The order of a dump says nothing.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    configs: Vec<Config>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    version_info: String,
    last_updated: String,
    #[serde(rename = "route_config")]
    routes: Named,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_read() {
        let text = r#"{"configs": [
            {"@type": "x", "version_info": "2", "route_config": {"@type": "y", "name": "9080"}, "last_updated": "t2"},
            {"version_info": "1", "route_config": {"name": "5000"}, "last_updated": "t1"}]}"#;
        let found = route_versions(text).expect("a page");
        let told: Vec<_> = (found.iter())
            .map(|one| {
                (
                    one.name.as_str(),
                    one.version.as_str(),
                    one.last_updated.as_str(),
                )
            })
            .collect();
        assert_eq!(told, [("5000", "1", "t1"), ("9080", "2", "t2")]);
        assert_eq!(route_versions("{}").expect("nothing"), []);
        assert!(route_versions("{\"configs\": {}}").is_err());
    }
}
