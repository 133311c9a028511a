//! What there is to know: every fact that resplit can tell, by a code. The ids are part of the reports and never change.

use super::Severity;

macro_rules! codes {
    ($($name:ident $severity:ident $id:literal $title:literal;)*) => {
        /// What a note is about.
        #[allow(clippy::doc_markdown, reason = "the titles are shown as they are, too")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::doc_markdown, reason = "titles are shown to users as they are")]
        pub enum Code {
            $(#[doc = $title] $name,)*
            /// A code of a report that another version has written.
            Other(&'static str),
        }

        impl Code {
            const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn row(self) -> (&'static str, Severity, &'static str) {
                match self {
                    $(Self::$name => ($id, Severity::$severity, $title),)*
                    Self::Other(id) => (id, Severity::Warning, "a fact that this version does not know"),
                }
            }
        }
    };
}

codes! {
    // What is wrong in the texts that declare a split.
    AliasBomb Error "alias_bomb" "aliases of a YAML text stand for more values than are read";
    BadDump Error "bad_dump" "a config dump has another shape than Envoy's";
    BadExport Error "bad_export" "an object is exported to nobody, or to a namespace twice";
    BadHost Error "bad_host" "a host of a Sidecar names no namespace";
    BadHostname Error "bad_hostname" "a hostname of a route is not a DNS name";
    BadJson Error "bad_json" "a JSON text cannot be read";
    BadPath Error "bad_path" "a path of a match does not begin with a slash";
    BadRegex Error "bad_regex" "a regular expression cannot be compiled";
    BadServerName Error "bad_server_name" "a name of a TLS match is none of the hosts";
    BadSlo Error "bad_slo" "an objective cannot be tested";
    CanaryWithoutFlag Warning "canary_without_flag" "an Ingress has canary weights, and does not say that it is a canary";
    CanaryStuck Error "canary-stuck" "the weights that a controller has reached do not stand in the object that it writes";
    CanaryDropped Warning "canary-dropped" "the controller takes no notice of a canary";
    ComplexKey Error "complex_key" "a key of a YAML mapping is itself a list or a mapping";
    DuplicateHost Error "duplicate_host" "a VirtualService lists a host twice";
    DuplicateKey Error "duplicate_key" "a YAML mapping has a key twice";
    DuplicateObject Error "duplicate_object" "two objects have the same kind, namespace and name";
    EgressOrder Error "egress_order" "an egress listener for every port is not the last one";
    EmptyField Error "empty_field" "a field that must say something is empty";
    EmptyPrefix Error "empty_prefix" "a prefix that a match asks for is empty";
    MissingField Error "missing_field" "a required field is missing";
    NoAction Error "no_action" "a rule says nothing about where its requests go";
    NoDump Error "no_dump" "a config dump holds no routes";
    NoHosts Error "no_hosts" "a rule has no hosts";
    NoKind Error "no_kind" "an object has no kind";
    NoName Error "no_name" "an object has no name";
    NoObject Error "no_object" "a document is not a Kubernetes object";
    NoRoutes Error "no_routes" "a VirtualService has no routes";
    NoRules Error "no_rules" "the manifests hold no rule that could split traffic";
    NotRead Warning "not_read" "an object of a kind that is not read holds weights";
    OneHost Error "one_host" "several hosts share a port on which nothing tells them apart";
    OneOf Error "one_of" "exactly one of several fields must be set";
    OutOfRange Error "out_of_range" "a number is outside of its range";
    RecursiveAlias Error "recursive_alias" "a YAML alias stands for something that it is a part of";
    Template Error "template" "the text is a template, and has to be rendered first";
    TooDeep Error "too_deep" "a YAML text is nested too deeply";
    TooLarge Error "too_large" "a text is too large to be read";
    TooManyBackends Error "too_many_backends" "a split has more backends than its kind allows";
    TooManyProblems Error "too_many_problems" "more problems were found than are listed";
    UnknownAllow Warning "unknown_allow" "a comment that should allow something is not understood";
    UnknownAnchor Error "unknown_anchor" "a YAML alias has no anchor";
    UnknownField Error "unknown_field" "a field does not exist";
    UnknownGroup Warning "unknown_group" "an object of a known kind has an unknown API group";
    UnknownKind Warning "unknown_kind" "the kind of an object looks like a misspelt one";
    UnknownValue Error "unknown_value" "a value is none of those that the field may have";
    UnknownVersion Warning "unknown_version" "the API version of an object is not known";
    WeightSum Error "weight_sum" "weights do not add up to what they must";
    WildcardInMesh Error "wildcard_in_mesh" "a wildcard host is bound to the mesh";
    WrongType Error "wrong_type" "a value is of another type than the field";
    YamlDump Error "yaml_dump" "a config dump is written as YAML";
    YamlSyntax Error "yaml_syntax" "the text is not YAML";
    ZeroTotal Error "zero_total" "all weights of a split are zero";
    // What the routes know: destinations that do not exist, or may not.
    BackendWithoutPort Warning "backend-without-port" "a reference to a Service names no port";
    ClosedPort Warning "closed-port" "a destination names a port that its Service does not have";
    ClosedBackendPort Warning "closed-port" "a backend reference names a port that its Service does not have";
    HiddenDestination Warning "hidden-destination" "a destination is not exported to the client";
    NoBackends Warning "no-backends" "a rule has no backends";
    NoDestinationRule Warning "no-destination-rule" "no DestinationRule is given for a host with subsets";
    NoServiceEntry Warning "no-service-entry" "a host is in none of the manifests, which hold nothing of its kind";
    NoReferenceGrant Warning "no-reference-grant" "a reference into another namespace is not granted";
    ServicesNotGiven Warning "services-not-given" "Services that a route names are not among the manifests";
    ShadowedSubset Warning "shadowed-subset" "the DestinationRule that defines a subset is hidden by another one";
    UnknownBackend Warning "unknown-backend" "a backend does not exist";
    UnknownCluster Warning "unknown-cluster" "a route names a cluster that the dump does not hold";
    UnknownDestination Warning "unknown-destination" "a host is in no Service or ServiceEntry";
    UnknownSubset Warning "unknown-subset" "no effective DestinationRule defines a subset";
    UnseenSubset Warning "unseen-subset" "the client does not see the DestinationRule that defines a subset";
    UnsetPort Warning "unset-port" "a destination names no port, and the one that is dialled is none of its Service";
    UnsupportedBackend Warning "unsupported-backend" "a backend is of a kind that the implementation does not know";
    // What the routes know: rules that do not apply, or to other requests than it seems.
    AssumedHost Warning "assumed-host" "the host of the request is an assumption";
    ConsumerRoute Warning "consumer-route" "a route applies to clients of its own namespace only";
    DelegateConflict Warning "delegate-conflict" "a match of a delegate is at odds with that of its root";
    DelegateNotExported Warning "delegate-not-exported" "a delegate is not exported to its root";
    DelegateNotFound Warning "delegate-not-found" "a delegate does not exist";
    DesertedListener Warning "deserted-listener" "no route is attached to a listener";
    GatewayNamespace Warning "gateway-namespace" "where the proxies of a Gateway stand is an assumption";
    GatewayNotGiven Warning "gateway-not-given" "the Gateway of a rule is not among the manifests";
    HostnamePrecedence Warning "hostname-precedence" "whose hostname counts for more is up to the implementation";
    HostNotConsulted Warning "host-not-consulted" "the address of a connection chooses the routes, not the Host header";
    HttpsInMesh Warning "https-in-mesh" "requests that are encrypted already meet no HTTP routes";
    ImplementedBy Info "implemented-by" "the controller of a GatewayClass says who implements its Gateways";
    IgnoredHeader Warning "ignored-header" "a header match is ignored";
    IgnoredHostnames Warning "ignored-hostnames" "the hostnames of a mesh route are ignored";
    LabelsNotChecked Warning "labels-not-checked" "labels of a match are never looked at";
    IngressWaypoint Warning "ingress-waypoint" "a gateway sends requests through the waypoint of a Service";
    MappedPort Warning "mapped-port" "a port is mapped to another one in front of a gateway";
    MeshRulesNotApplied Warning "mesh-rules-not-applied" "a gateway does not apply the split that the mesh has for a host";
    NestedDelegate Warning "nested-delegate" "a delegate delegates once more";
    NoRoute Warning "no-route" "no rule takes the request";
    AmbientClient Warning "ambient-client" "a client has no sidecar, and the waypoint of the Service applies the rules";
    NoProxy Warning "no-proxy" "no proxy applies rules to what a client sends";
    NoWaypoint Warning "no-waypoint" "a Service uses no waypoint";
    WaypointCanary Warning "waypoint-canary" "a second waypoint gets a share of the traffic";
    NotAccepted Error "not-accepted" "a controller has not accepted an object";
    ConditionFalse Error "condition-false" "a controller says that a condition of an object does not hold";
    StatusOutdated Warning "status-outdated" "the status of an object is not about the object as it is";
    NotHttp Warning "not-http" "a port does not carry HTTP, so that HTTP routes take no effect";
    TakenForTcp Warning "not-http" "Istio before 1.3 takes a port for TCP because of its name";
    ParentNotGiven Warning "parent-not-given" "the parent of a route is not among the manifests";
    UnknownParent Warning "unknown-parent" "the parent of a route does not exist";
    RedirectOutside Warning "redirect-outside" "plain HTTP from outside is redirected to HTTPS";
    RegexPrecedence Warning "regex-precedence" "the order of two regular expressions is up to the implementation";
    RepeatedHeader Warning "repeated-header" "a match names a header twice";
    RouteConflict Warning "route-conflict" "two routes want the same host, and one of them is not accepted";
    ShortDottedHost Warning "short-dotted-host" "a host with a dot is taken as it is, and names no service";
    SidecarScope Warning "sidecar-scope" "a Sidecar limits what the client sees";
    TcpOnTls Warning "tcp-on-tls" "`tcp` routes stand at a port that is declared as TLS";
    TlsOnly Warning "tls-only" "a rule is about TLS connections only";
    TokenClaim Warning "token-claim" "a match looks at claims of a token";
    TruthAsName Warning "truth-as-name" "a word that YAML may read as true or false stands for a text";
    TwoOwners Warning "two-owners" "two rules declare the same host";
    UnknownHost Warning "unknown-host" "a host of a rule is in no Service or ServiceEntry";
    UnknownNamespaceLabels Warning "unknown-namespace-labels" "the labels of a namespace are not known";
    UnknownPort Warning "unknown-port" "the port that is dialled is not known";
    UnknownSourceLabels Warning "unknown-source-labels" "the labels of the client are not known";
    UnknownSubnet Warning "unknown-subnet" "a match looks at addresses, which are not known";
    UnnamedPort Warning "unnamed-port" "the name of a port tells no protocol";
    WaypointSourceLabels Warning "waypoint-source-labels" "a waypoint drops matches on labels of the client";
    // Why a rule does not apply from here, or nothing true can be said about a host.
    BoundElsewhere Error "bound-elsewhere" "a rule is bound to other places";
    DistantRule Error "distant-rule" "a rule is about other clients or services";
    HiddenRule Error "hidden-rule" "a rule is not exported to the client, or not imported by it";
    OutrankedRule Error "outranked-rule" "another rule stands in the place of a rule";
    RefusedRule Error "refused-rule" "the place that a rule is bound to does not take it";
    // What becomes of a request that no rule takes.
    Closed Warning "closed" "the connection is closed";
    NoRule Warning "no-rule" "no rule applies to the request";
    Passthrough Warning "passthrough" "the connection passes through to where it is dialled";
    PlainService Warning "plain-service" "the Service takes its requests without a rule";
    RegistryOnly Warning "registry-only" "what is in no registry is refused";
    ConnectionsOnly Error "connections-only" "the rules of a host split connections, not requests";
    UnclearRules Error "unclear-rules" "the manifests do not say enough about a host, or say it in a way that is not read";
    // What the routes know: what is attached to the way of a request.
    AccessDenied Error "access-denied" "a policy refuses requests";
    AccessLimited Warning "access-limited" "a policy may refuse requests";
    AttachedPolicy Warning "attached-policy" "a policy is attached to the way of a request, and is not judged";
    OtherImplementation Warning "other-implementation" "a policy is one of another implementation";
    TlsMismatch Error "tls-mismatch" "a client and a destination do not agree about TLS";
    // What the routes know: other ways to pick a destination than by weight.
    Balancing Warning "balancing" "how the router balances decides whether the weights are followed";
    ByReplicas Warning "by-replicas" "the split follows the number of pods";
    ClientPicksEndpoint Warning "client-picks-endpoint" "any client can name the endpoint of its requests";
    ClusterHeader Warning "cluster-header" "a header of the request names the cluster";
    ClusterPlugin Warning "cluster-plugin" "a plugin of the proxy picks the cluster";
    ConsistentHash Warning "consistent-hash" "a hash ties requests to pods inside of a destination";
    EndpointsLearned Info "endpoints-learned" "what endpoints say was learned from requests that name one alone";
    EndpointNamed Info "endpoint-named" "the request names its endpoint";
    HashBalancing Warning "hash-balancing" "a hash of the request picks the backend";
    HashPolicy Warning "hash-policy" "a hash of the request picks the cluster";
    HeaderWeights Warning "header-weights" "a header of the request overrides the weights";
    PersistentSession Warning "persistent-session" "a cookie ties a client to a pod";
    RuntimeFraction Warning "runtime-fraction" "a runtime key overrides the fraction of a route";
    RuntimeWeights Warning "runtime-weights" "a runtime key overrides the weights";
    Sticky Warning "sticky" "a client stays with one destination";
    TotalWeight Warning "total-weight" "the weights do not add up to the total that is given";
    WeightsIgnored Error "weights-ignored" "a policy has the proxies pick by something else than the weights";
    IgnoredWeight Warning "ignored-weight" "the weight of an only destination is ignored";
    NoWeight Warning "no-weight" "no backend of a rule has a weight";
    NoWeights Warning "no-weights" "no proxy takes the weights of a route";
    UnsetWeight Warning "unset-weight" "a destination next to others has no weight";
    // What the routes know: destinations that exist, and surprise.
    EmptySubset Warning "empty-subset" "a subset has no labels, and is all pods of its host";
    EndpointsNotDumped Warning "endpoints-not-dumped" "the dump does not hold the endpoints";
    ExternalName Warning "external-name" "a Service is another name of a host outside";
    Headless Warning "headless" "a Service has no address of its own";
    InferencePool Warning "inference-pool" "an endpoint picker decides which pod answers";
    NoEndpoints Warning "no-endpoints" "no pod stands behind a Service";
    OtherBackend Warning "other-backend" "a Backend of Envoy Gateway is not read";
    OverlappingSubsets Warning "overlapping-subsets" "two subsets select the same pods";
    SameClusterTwice Warning "same-cluster-twice" "a destination is listed twice";
    ServiceImport Warning "service-import" "a ServiceImport leads to other clusters too";
    SharedPods Warning "shared-pods" "two Services of a split select the same pods";
    SubsetTwice Warning "subset-twice" "a subset is defined twice";
    SubsetWithoutPods Warning "subset-without-pods" "no pod has the labels of a subset";
    TwoRules Warning "two-rules" "two DestinationRules are about one host";
    // What the routes know: what else answers, delays, or cannot be judged.
    ConnectionPool Warning "connection-pool" "limits of connections are answered with 503";
    Cors Warning "cors" "a CORS preflight reaches no destination";
    FaultDelay Warning "fault-delay" "a fault delays a part of the requests";
    FilterNotJudged Warning "filter-not-judged" "a filter is not judged";
    GrpcAbort Warning "grpc-abort" "a fault answers with a gRPC status";
    GrpcStatus Warning "grpc-status" "a gRPC client sees replies of the proxy as HTTP 200";
    LocalityDistribute Warning "locality-distribute" "requests go to listed places only";
    NotJudged Warning "not-judged" "a field is not judged";
    OutlierDetection Warning "outlier-detection" "failing pods are taken away for a while";
    PathTemplate Warning "path-template" "a path template is not read";
    PolicyNotJudged Warning "policy-not-judged" "a field of a policy is not judged";
    ProgrammedDiffers Warning "programmed-differs" "the proxy is programmed with another split";
    ProgrammedOnly Warning "programmed-only" "the proxy routes a host that the manifests do not";
    ProgrammedUnclear Warning "programmed-unclear" "what the proxy is programmed with cannot be told";
    Retries Warning "retries" "retries hide failures";
    RetryElsewhere Warning "retry-elsewhere" "a retry may go to another destination";
    TcpRoute Warning "tcp-route" "a `tcp` route splits connections, not requests";
    Timeout Warning "timeout" "a timeout is answered with 504";
    TlsRoute Warning "tls-route" "a `tls` route splits connections, not requests";
    UnjudgedFault Warning "unjudged-fault" "a fault is not judged";
    UnknownAction Warning "unknown-action" "what a route of a dump does is not known";
    UnknownMatcher Warning "unknown-matcher" "a matcher of a dump is not known";
    UnknownMetadata Warning "unknown-metadata" "a match looks at metadata that only the proxy knows";
    UnknownTls Warning "unknown-tls" "a match looks at the TLS session";
    UnreadableRegex Warning "unreadable-regex" "a regular expression of a dump cannot be compiled";
    // What explains a divergence.
    EvenSplit Error "even-split" "requests are spread evenly";
    MissingTarget Error "missing-target" "a target gets nothing, and the others its share";
    OtherRule Error "other-rule" "the traffic follows another rule";
    SingleTarget Error "single-target" "everything goes to one target";
    SwappedWeights Error "swapped-weights" "the weights are swapped";
    SeveralAddresses Warning "several-addresses" "a host has several addresses, which connections take in turn";
    UndeclaredTarget Error "undeclared-target" "a value belongs to no declared target";
    // What weakens a verdict, or needs to be known beside it.
    BucketNeverMatched Warning "bucket-never-matched" "a --bucket found nothing in any response";
    Clustered Warning "clustered" "responses of one connection resemble each other";
    CountedDiffers Warning "counted-differs" "the proxy sent a target another share than it is programmed with";
    CoarseResolution Warning "coarse-resolution" "the resolution is coarser than the smallest share";
    CountedByProxy Info "counted-by-proxy" "the counters of the proxy say who got the requests";
    CountsOnly Info "counts-only" "counts do not show how requests were drawn";
    CountsRounded Warning "counts-rounded" "counters are no whole numbers";
    CountsSelected Info "counts-selected" "a part of the source is left out";
    EndpointsInRatio Warning "endpoints-in-ratio" "the pods are in the declared ratio already";
    ExpectSum Warning "expect-sum" "the weights of --expect add up to almost 100";
    ForeignRequests Warning "foreign-requests" "counters hold requests that this run may not have sent";
    FewConnections Warning "few-connections" "the requests went over few connections";
    GeneratorSaturated Warning "generator-saturated" "the sender could not keep up";
    GeneratorsAsClusters Info "generators-as-clusters" "the declared split with each generator as a cluster";
    GeneratorsDisagree Warning "generators-disagree" "the generators do not see the same split";
    GeneratorsMissing Warning "generators-missing" "reports of generators did not arrive";
    IdentityCandidate Info "identity-candidate" "something in the responses would tell the targets apart";
    IdentityDiffers Warning "identity-differs" "responses name other targets than the proxy sent the requests to";
    Interrupted Warning "interrupted" "the run was interrupted";
    LateStart Warning "late-start" "the run began after its --start-at";
    LatencyAtSaturation Warning "latency-at-saturation" "latencies were measured at the limit of the target";
    LocalReplies Info "local-replies" "requests were sent to no target, or their responses do not name it";
    LogIncomplete Warning "log-incomplete" "requests are missing in the file of --log";
    MapNeverMatched Warning "map-never-matched" "a --map met no value";
    MaxDuration Warning "max-duration" "the time was up before everything was sent";
    MirrorDiffers Warning "mirror-differs" "another part of the requests is copied than the proxy is programmed with";
    NotSettled Warning "not-settled" "the split did not become stationary";
    Outage Warning "outage" "for a while no request was answered";
    PerConnection Warning "per-connection" "connections are balanced, not requests";
    ProxyAdmin Warning "proxy-admin" "the admin interface of the proxy was not read";
    ProxyMemory Warning "proxy-memory" "the memory of the proxy is near its limit";
    ProxyDisconnected Warning "proxy-disconnected" "the proxy lost its control plane during the run";
    ProxyRestarted Warning "proxy-restarted" "the proxy was restarted during the run";
    Redirected Warning "redirected" "all responses are redirects";
    ResolveUnused Warning "resolve-unused" "a proxy looks up the host that --resolve names";
    FewDescriptors Warning "few-descriptors" "the usual number of connections does not fit the open files";
    SentAgain Warning "sent-again" "requests were sent again over another connection";
    SerialDependence Warning "serial-dependence" "responses that follow each other resemble each other";
    SplitUneven Warning "split-uneven" "the split was another one for a while";
    SplitChanged Warning "split-changed" "the split changed during the run";
    TargetErrors Warning "target-errors" "most responses of a target are errors";
    TargetSilent Warning "target-silent" "no response could be tied to a target";
    Varied Info "varied" "how many of the values that requests differ in take which rule";
    VariedSkipped Warning "varied-skipped" "values that requests differ in were not sent";
    ToleranceCoversTarget Warning "tolerance-covers-target" "the tolerance covers the whole share of a target";
    TooManyValues Warning "too-many-values" "the responses carry too many distinct values";
    TooRegular Warning "too-regular" "the split is too regular to be drawn";
    Unattributed Warning "unattributed" "some requests belong to no target";
    // What lint's rules are called.
    Rs001 Error "RS001" "a destination names a subset that no effective DestinationRule defines";
    Rs002 Error "RS002" "the subset is defined, but a DestinationRule in the namespace of the client hides it";
    Rs003 Error "RS003" "the subset is defined by a DestinationRule that this client does not see";
    Rs004 Error "RS004" "a host is in no Service or ServiceEntry of these manifests";
    Rs005 Error "RS005" "HTTP routes split a port that does not carry HTTP, or TCP routes one that does";
    Rs006 Warning "RS006" "the name of a port tells no protocol";
    Rs007 Error "RS007" "the rule for the request's host is bound to a gateway, and the request comes from the mesh, or the reverse";
    Rs008 Warning "RS008" "a gateway routes to a whole host that a rule of the mesh splits";
    Rs009 Error "RS009" "two rules declare the same host for the same clients";
    Rs010 Error "RS010" "the weights of a route add up to 0, or only one destination has a weight at all";
    Rs011 Warning "RS011" "a destination next to others has no weight";
    Rs012 Warning "RS012" "the only destination of a route has a weight other than 100";
    Rs013 Info "RS013" "the weights of a route do not add up to 100";
    Rs014 Warning "RS014" "the same destination is listed twice in one split";
    Rs015 Error "RS015" "an earlier route takes every request that a later one would, or the request that is asked about";
    Rs016 Error "RS016" "no route takes the request that is asked about";
    Rs017 Error "RS017" "a destination names no port, and the port that is dialled is none of its Service";
    Rs018 Error "RS018" "a destination names a port that its Service does not have";
    Rs019 Warning "RS019" "a subset or Service selects all pods, or pods that another one of the split selects too";
    Rs020 Error "RS020" "a subset or Service selects none of the pods or endpoints that are given";
    Rs021 Warning "RS021" "a split over a headless Service";
    Rs022 Warning "RS022" "a fault answers or delays a part of the requests before a destination is picked";
    Rs023 Warning "RS023" "a route is limited to clients, gateways or ports that exclude this vantage, or by labels that are not checked";
    Rs024 Error "RS024" "the client has no proxy that applies the rules, or the service no waypoint";
    Rs025 Warning "RS025" "a match takes more or less than it looks like";
    Rs026 Warning "RS026" "two DestinationRules of one namespace are about the same host";
    Rs027 Error "RS027" "`exportTo` or a Sidecar hides a rule or a destination from the client, or a delegate is dropped";
    Rs028 Warning "RS028" "something keeps a client with one destination or one pod";
    Rs029 Warning "RS029" "outlier detection or connection limits on a destination of a split";
    Rs030 Error "RS030" "a backend or parent of an HTTPRoute or GRPCRoute does not count";
    Rs031 Warning "RS031" "every backend of a rule has the weight 0";
    Rs032 Warning "RS032" "a mesh route in another namespace than its Service";
    Rs033 Error "RS033" "an HTTPRoute and a GRPCRoute want the same host of the same listener";
    Rs034 Warning "RS034" "something overrides the weights, or decides in a way that cannot be judged";
    Rs035 Error "RS035" "no server of the gateway takes the host of the rule, or plain HTTP is redirected";
    Rs036 Error "RS036" "a policy keeps requests from a destination";
    Rs037 Error "RS037" "a policy has the proxies ignore the weights";
    Rs038 Warning "RS038" "a match looks at claims of a token that nobody validates";
    Rs039 Error "RS039" "two Sidecars are for the same clients";
    Rs040 Warning "RS040" "two Gateways want the same host and port of the same proxies";
    Rs041 Error "RS041" "a port of a Service leads to a port that its pods do not declare";
    Rs042 Error "RS042" "a controller says in the `status` of an object that it is not in effect";
}

impl Code {
    /// Its name in reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().0
    }

    /// How bad it is, unless a note says otherwise.
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.row().1
    }

    /// What is the case, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// The code that a report names.
    #[must_use]
    pub fn named(id: &str) -> Self {
        let known = Self::ALL.iter().find(|code| code.id() == id);
        // A report is read once, and holds few notes: what they are called may stay for good.
        known.map_or_else(|| Self::Other(id.to_owned().leak()), |code| *code)
    }

    /// Whether it is what a rule of lint is called.
    #[must_use]
    pub fn is_rule(self) -> bool {
        (Self::Rs001..=Self::Rs042).contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_names_its_code_but_for_two_causes_of_one_fact() {
        for code in Code::ALL {
            let first = match code {
                Code::TakenForTcp => Code::NotHttp,
                Code::ClosedBackendPort => Code::ClosedPort,
                code => *code,
            };
            assert_eq!(Code::named(code.id()), first);
        }
        assert_eq!(Code::named("of-tomorrow").id(), "of-tomorrow");
    }

    #[test]
    fn rules_are_called_rs_and_nothing_else_is() {
        let rules: Vec<Code> = Code::ALL
            .iter()
            .copied()
            .filter(|code| code.is_rule())
            .collect();
        let ids: Vec<String> = (1..=42).map(|number| format!("RS{number:03}")).collect();
        assert_eq!(rules.iter().map(|code| code.id()).collect::<Vec<_>>(), ids);
        assert!(
            Code::ALL
                .iter()
                .all(|code| code.is_rule() == code.id().starts_with("RS"))
        );
    }
}
