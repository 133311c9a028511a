package main

// subsets are DestinationRules of several namespaces, names, selectors and exports for one host.
func subsets(w *world) {
	w.service("default", "web", http80)
	w.service("other", "api", http80)
	w.mesh("default", "other", "third")
	for range 1 + w.Intn(3) {
		namespace := pick(w, "default", "default", "other", "third", "istio-system")
		host := pick(w, "web.default.svc.cluster.local", "web.default.svc.cluster.local", "web", "*.default.svc.cluster.local",
			"*.local", "*", "api.other.svc.cluster.local", "web.default")
		spec := w.rule(namespace, w.name("dr"), host, some(w, "v1", "v2", "v3")...)
		w.exported(spec)
		if w.chance(15) {
			spec["workloadSelector"] = object{"matchLabels": pick(w, object{"app": "x"}, object{"app": "y"})}
		}
		if w.chance(20) {
			spec["trafficPolicy"] = object{"loadBalancer": object{"simple": "ROUND_ROBIN"}}
		}
	}
	split := w.weighted(
		to("web.default.svc.cluster.local", pick(w, "v1", "v2"), 0),
		to("web.default.svc.cluster.local", pick(w, "v2", "v3"), 0),
		to("api.other.svc.cluster.local", pick(w, "", "v1", "v2"), 0))
	w.istio("VirtualService", pick(w, "default", "other", "third"), "web",
		object{"hosts": list{"web.default.svc.cluster.local"}, "http": list{object{"route": split}}})
	w.ask(3, "web.default", "web.default.svc.cluster.local", "api.other")
}

// ports are Services with several ports and protocols, destinations with and without ports, and clients that dial others.
func ports(w *world) {
	w.mesh("default")
	kinds := []port{
		{"http", 80, ""}, {"http-alt", 8080, ""}, {"grpc", 9090, ""}, {"tcp", 9000, ""}, {"plain", 7000, ""},
		{"named", 81, "http"}, {"h2", 82, "kubernetes.io/h2c"}, {"https", 443, ""}, {"tcp-http", 8000, ""},
		{"odd", 83, "tcp"}, {"http2-x", 8081, ""}, {"mongo", 27017, ""},
	}
	ways := func() []port {
		list := some(w, kinds...)
		return list[:min(len(list), 1+w.Intn(3))]
	}
	web, api := ways(), ways()
	w.service("default", "web", web...)
	headless := w.service("default", "api", api...)["spec"].(object)
	if w.chance(20) {
		headless["clusterIP"] = "None"
	}
	if w.chance(70) {
		w.rule("default", "web", "web", "v1", "v2")
	}
	number := func() int { return pick(w, 0, 0, pick(w, web...).number, pick(w, api...).number) }
	split := w.weighted(to("web", pick(w, "", "v1"), number()), to("api", "", number()))
	spec := object{"hosts": list{pick(w, "web", "web", "api")}, "http": list{object{"route": split}}}
	if w.chance(25) {
		spec["http"] = append(list{object{
			"match": list{object{"port": pick(w, web...).number}},
			"route": w.weighted(to("web", "", 0)),
		}}, spec["http"].(list)...)
	}
	if w.chance(85) {
		w.istio("VirtualService", "default", "web", spec)
	}
	for _, one := range web {
		w.ask(1, at("web", one.number))
	}
	for _, one := range api {
		w.ask(1, at("api.default", one.number))
	}
	w.ask(2, "web", at("web", 8888), at("api", pick(w, api...).number), at("10.96.77.7", 80))
}

// entries are ServiceEntries: hosts outside with addresses, ports, endpoints and exports.
func entries(w *world) {
	w.base()
	w.mesh("default", "other")
	hosts := []string{"ext.example.com", "api.example.com", "*.wild.example.com"}
	number := pick(w, 80, 80, 8080)
	for _, host := range some(w, hosts...) {
		resolution := pick(w, "DNS", "STATIC", "NONE", "DNS")
		if host[0] == '*' {
			resolution = "NONE"
		}
		spec := object{"hosts": list{host}, "resolution": resolution, "location": pick(w, "MESH_EXTERNAL", "MESH_INTERNAL")}
		listed := list{object{"number": number, "name": pick(w, "http", "http-x", "tcp", "tls"), "protocol": pick(w, "HTTP", "HTTP", "TCP", "GRPC", "HTTP2")}}
		if w.chance(30) {
			listed = append(listed, object{"number": 443, "name": "tls-x", "protocol": "TLS"})
		}
		spec["ports"] = listed
		if w.chance(40) {
			spec["addresses"] = pick(w, list{"240.0.0.1"}, list{"240.0.0.0/24"}, list{"240.0.0.2"})
		}
		if resolution == "STATIC" || (resolution == "DNS" && w.chance(30)) {
			one := object{"address": pick(w, "10.0.0.1", "10.0.0.2")}
			if resolution == "DNS" {
				one["address"] = "real.example.org"
			}
			if w.chance(60) {
				one["labels"] = object{"version": pick(w, "v1", "v2")}
			}
			spec["endpoints"] = list{one}
		}
		w.istio("ServiceEntry", pick(w, "default", "default", "other", "istio-system"), w.name("se"), w.exported(spec))
		if w.chance(50) {
			w.rule("default", w.name("dr"), host, "v1", "v2")
		}
	}
	destination := pick(w, "ext.example.com", "api.example.com")
	split := w.weighted(to(destination, pick(w, "", "", "v1"), pick(w, 0, number)), to(pick(w, "web", "api", destination), pick(w, "", "v2"), pick(w, 0, 80)))
	if w.chance(75) {
		w.istio("VirtualService", "default", w.name("vs"), object{
			"hosts": list{pick(w, "ext.example.com", "api.example.com", "*.wild.example.com", "a.wild.example.com")},
			"http":  list{object{"route": split}},
		})
	}
	w.ask(7, at("ext.example.com", number), "ext.example.com", at("a.wild.example.com", number), at("api.example.com", number), "web.default", "nobody.example.com")
}

// sidecars are what clients import: hosts by namespace and name, ports, and what becomes of the rest.
func sidecars(w *world) {
	w.service("default", "web", http80, port{"http-alt", 8080, ""})
	w.service("other", "api", http80)
	w.service("third", "db", port{"tcp", 5432, ""}, http80)
	w.rule("default", "web", "web.default.svc.cluster.local", "v1", "v2")
	w.mesh("default", "other", "third")
	for range 1 + w.Intn(2) {
		var hosts list
		for _, host := range some(w, "./*", "*/*", "default/*", "other/*", "*/web.default.svc.cluster.local", "other/api.other.svc.cluster.local", "~/*", "istio-system/*") {
			if host != "~/*" || w.chance(20) {
				hosts = append(hosts, host)
			}
		}
		if hosts == nil {
			hosts = list{"./*"}
		}
		egress := object{"hosts": hosts}
		if w.chance(30) {
			egress["port"] = object{"number": pick(w, 80, 8080, 9999), "protocol": "HTTP", "name": "egress"}
		}
		listed := list{egress}
		if w.chance(30) {
			listed = append(listed, object{"hosts": list{"*/*"}})
		}
		spec := object{"egress": listed}
		if w.chance(30) {
			spec["workloadSelector"] = object{"labels": pick(w, object{"app": "x"}, object{"app": "y"})}
		}
		if w.chance(25) {
			spec["outboundTrafficPolicy"] = object{"mode": pick(w, "REGISTRY_ONLY", "ALLOW_ANY")}
		}
		w.istio("Sidecar", pick(w, w.client, w.client, "default", "istio-system"), w.name("sc"), spec)
	}
	for range 1 + w.Intn(2) {
		w.istio("VirtualService", pick(w, "default", "other", w.client), w.name("vs"), w.exported(object{
			"hosts": list{pick(w, "web.default.svc.cluster.local", "api.other.svc.cluster.local", "shop.example.com")},
			"http": list{object{"route": pick(w, w.halves(), w.weighted(
				to("api.other.svc.cluster.local", "", 0), to("web.default.svc.cluster.local", "v1", 0)))}},
		}))
	}
	w.ask(8, "web.default", at("web.default", 8080), "api.other", "db.third", "shop.example.com", at("shop.example.com", 8080))
}

// connections are tcp and tls rules, which split connections.
func connections(w *world) {
	w.service("default", "web", port{"tcp", 9000, ""}, port{"tls", 8443, ""}, http80)
	w.service("default", "api", port{"tcp", 9000, ""}, port{"tls", 8443, ""})
	w.rule("default", "web", "web", "v1", "v2")
	w.mesh("default")
	split := func() list {
		return pick(w, w.weighted(to("web", "v1", pick(w, 0, 9000)), to("web", "v2", pick(w, 0, 9000))),
			w.weighted(to("web", "v1", 8443), to("api", "", pick(w, 0, 8443))), w.weighted(to("api", "", 0)))
	}
	spec := object{"hosts": list{pick(w, "web", "web", "secure.example.com")}}
	if w.chance(75) {
		var routes list
		for range 1 + w.Intn(2) {
			one := object{"route": split()}
			if w.chance(50) {
				match := object{}
				for _, part := range some(w, "port", "sourceLabels", "destinationSubnets") {
					switch part {
					case "port":
						match[part] = pick(w, 9000, 8443)
					case "sourceLabels":
						match[part] = pick(w, object{"app": "x"}, object{"app": "y"})
					default:
						if w.chance(25) {
							match[part] = list{"10.96.0.0/16"}
						}
					}
				}
				one["match"] = list{match}
			}
			routes = append(routes, one)
		}
		spec["tcp"] = routes
	}
	if w.chance(60) {
		host := spec["hosts"].(list)[0]
		names := map[any]list{
			"web":                {"web.default.svc.cluster.local"},
			"secure.example.com": {"secure.example.com"},
		}[host]
		spec["tls"] = list{object{"match": list{object{"sniHosts": names, "port": 8443}}, "route": split()}}
		if w.chance(50) {
			w.istio("ServiceEntry", "default", "secure", object{
				"hosts": list{"secure.example.com"}, "resolution": "DNS", "location": "MESH_EXTERNAL",
				"ports": list{object{"number": 8443, "name": "tls", "protocol": pick(w, "TLS", "HTTPS", "TCP")}},
			})
		}
	}
	if spec["tcp"] == nil && spec["tls"] == nil {
		spec["tcp"] = list{object{"route": split()}}
	}
	w.istio("VirtualService", "default", "web", spec)
	w.ask(5, "http://"+at("web", 9000), "https://"+at("web.default.svc.cluster.local", 8443), "https://"+at("secure.example.com", 8443),
		"http://"+at("api", 9000), "https://"+at("web", 8443), "http://"+at("web", 8443), "web")
}
