//! The objects of Kubernetes that `resplit job` prints: the Job, and a `ConfigMap` of the manifests that its pods read.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::args::Mesh;
use crate::diag::Sources;

/// What is printed.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) image: &'a str,
    pub(super) count: u64,
    pub(super) start: &'a str,
    pub(super) ttl: Duration,
    pub(super) cpu: &'a str,
    pub(super) memory: &'a str,
    pub(super) mesh: Mesh,
    pub(super) options: Vec<String>,
    pub(super) manifests: Option<Sources>,
}

impl Job<'_> {
    /// In YAML, the `ConfigMap` of the manifests first.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(manifests) = &self.manifests {
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n{}\ndata:",
                self.metadata()
            );
            for (at, (_, source)) in manifests.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "  {}: {}",
                    key(at, source.name()),
                    quoted(source.text())
                );
            }
            text.push_str("---\n");
        }
        let _ = write!(
            text,
            "apiVersion: batch/v1
kind: Job
metadata:
{}
spec:
  completionMode: Indexed
  completions: {count}
  parallelism: {count}
  backoffLimitPerIndex: 0
  ttlSecondsAfterFinished: {}
  template:
    metadata:
{}    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
{}      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: resplit
          image: {}
          imagePullPolicy: IfNotPresent
          args:
{}{}",
            self.metadata(),
            self.ttl.as_secs(),
            self.pod_metadata(),
            self.spread(),
            quoted(self.image),
            self.args(),
            self.container(),
            count = self.count,
        );
        text
    }

    fn metadata(&self) -> String {
        let namespace = self
            .namespace
            .map(|own| format!("\n  namespace: {}", quoted(own)));
        format!(
            "  name: {}{}\n  labels:\n    app.kubernetes.io/name: resplit\n    app.kubernetes.io/instance: {}",
            quoted(self.name),
            namespace.unwrap_or_default(),
            quoted(self.name)
        )
    }

    fn pod_metadata(&self) -> String {
        let mut text = format!(
            "      labels:\n        app.kubernetes.io/name: resplit\n        app.kubernetes.io/instance: {}\n",
            quoted(self.name)
        );
        if self.mesh == Mesh::Sidecar {
            // A native sidecar ends with the container; a classic one is asked to by --quit-proxy.
            text.push_str(
                "        sidecar.istio.io/inject: \"true\"\n      annotations:\n        sidecar.istio.io/nativeSidecar: \"true\"\n",
            );
        }
        text
    }

    /// Generators on one node would share its proxy's and its network's limits.
    fn spread(&self) -> String {
        format!(
            "      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    app.kubernetes.io/instance: {}
",
            quoted(self.name)
        )
    }

    fn args(&self) -> String {
        let fixed = [
            "run".to_owned(),
            "--output=log".to_owned(),
            format!("--generator=$(JOB_COMPLETION_INDEX)/{}", self.count),
            format!("--start-at={}", self.start),
            "--label=pod=$(POD_NAME)".to_owned(),
            "--label=node=$(NODE_NAME)".to_owned(),
            "--label=zone=$(ZONE)".to_owned(),
        ];
        let (url, options) = match self
            .options
            .iter()
            .position(|option| !option.starts_with("--"))
        {
            Some(at) => (
                Some(&self.options[at]),
                [&self.options[..at], &self.options[at + 1..]].concat(),
            ),
            None => (None, self.options.clone()),
        };
        let all = fixed.iter().chain(&options).chain(url);
        all.map(|word| format!("            - {}\n", quoted(word)))
            .collect::<Vec<_>>()
            .concat()
    }

    fn container(&self) -> String {
        let field = |name: &str, path: &str| {
            format!(
                "            - name: {name}\n              valueFrom:\n                fieldRef:\n                  fieldPath: {path}\n"
            )
        };
        let mut text = String::from("          env:\n");
        text.push_str(&field("POD_NAME", "metadata.name"));
        text.push_str(&field("NODE_NAME", "spec.nodeName"));
        text.push_str(&field(
            "ZONE",
            "metadata.labels['topology.kubernetes.io/zone']",
        ));
        let _ = write!(
            text,
            "          resources:
            requests:
              cpu: {}
              memory: {memory}
            limits:
              memory: {memory}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [\"ALL\"]
",
            quoted(self.cpu),
            memory = quoted(self.memory)
        );
        if self.manifests.is_some() {
            let _ = write!(
                text,
                "          volumeMounts:
            - name: manifests
              mountPath: /manifests
              readOnly: true
      volumes:
        - name: manifests
          configMap:
            name: {}
",
                quoted(self.name)
            );
        }
        text
    }
}

/// The key of a file: its place, for the order, and what of its name a key may hold.
fn key(at: usize, name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    let stem: String = stem.chars().take(200).map(letter).collect();
    format!("{at:03}-{}.yaml", stem.trim_matches('-'))
}

/// A string of JSON, which is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_config_map_keep_the_order_of_the_files() {
        assert_eq!(key(3, "a/b/rules v1.yaml"), "003-rules-v1.yaml");
        assert_eq!(key(0, "<stdin>"), "000-stdin.yaml");
    }
}
