package main

// server is one of an Istio Gateway.
func (w *world) server() object {
	hosts := list{}
	for _, host := range some(w, "shop.example.com", "*.example.com", "*", "default/shop.example.com", "./api.example.com", "other/*") {
		if len(hosts) < 2 {
			hosts = append(hosts, host)
		}
	}
	number := pick(w, 80, 80, 8080, 443)
	one := object{"hosts": hosts}
	switch {
	case number == 443 && w.chance(70):
		one["port"] = object{"number": 443, "name": w.name("https"), "protocol": "HTTPS"}
		one["tls"] = object{"mode": pick(w, "SIMPLE", "SIMPLE", "MUTUAL"), "credentialName": "cert"}
	case number == 443:
		one["port"] = object{"number": 443, "name": w.name("tls"), "protocol": "TLS"}
		one["tls"] = object{"mode": "PASSTHROUGH"}
	default:
		one["port"] = object{"number": number, "name": w.name("http"), "protocol": pick(w, "HTTP", "HTTP", "HTTP2", "GRPC")}
		if w.chance(12) {
			one["tls"] = object{"httpsRedirect": true}
		}
	}
	return one
}

func gateways(w *world) {
	w.base()
	w.service("other", "api", http80, port{"http-alt", 8080, ""})
	w.gateway("istio-system/gw")
	home := "istio-system"
	if w.chance(25) {
		home = "default"
		w.gateway("default/gw")
	}
	selector := object{"istio": "ingressgateway"}
	var servers list
	for range 1 + w.Intn(3) {
		servers = append(servers, w.server())
	}
	w.istio("Gateway", home, "gw", object{"selector": selector, "servers": servers})
	if w.chance(35) {
		w.istio("Gateway", pick(w, "istio-system", "default"), "more", object{
			"selector": pick(w, selector, object{"istio": "egressgateway"}), "servers": list{w.server()},
		})
	}
	for range 1 + w.Intn(3) {
		spec := w.exported(object{
			"hosts":    some(w, "shop.example.com", "api.example.com", "*.example.com"),
			"gateways": pick(w, list{home + "/gw"}, list{home + "/gw"}, list{"gw"}, list{home + "/gw", "mesh"}, list{"istio-system/more", home + "/gw"}),
		})
		if hosts := spec["hosts"].([]string); len(hosts) > 1 {
			spec["hosts"] = hosts[:1]
		}
		routes := w.https(w.Intn(2))
		if w.chance(30) {
			routes = append(list{object{
				"match": list{w.sourced(object{"uri": object{"prefix": "/a"}})},
				"route": w.weighted(to("api.other.svc.cluster.local", "", pick(w, 0, 80, 8080)), to("web.default.svc.cluster.local", "v1", 80)),
			}}, routes...)
		}
		if len(routes) == 0 {
			routes = list{object{"route": w.halves()}}
		}
		spec["http"] = routes
		if w.chance(15) {
			spec["tls"] = list{object{
				"match": list{object{"sniHosts": spec["hosts"], "port": 443}},
				"route": w.weighted(to("web.default.svc.cluster.local", "", 80)),
			}}
		}
		w.istio("VirtualService", pick(w, "default", "default", home, "other"), w.name("vs"), spec)
	}
	w.ask(8, "shop.example.com", "shop.example.com", "api.example.com", "x.example.com", at("shop.example.com", 8080),
		"https://shop.example.com", "https://api.example.com", "nobody.org")
}

// refs are backendRefs.
func (w *world) refs(kinds ...object) list {
	var out list
	for _, one := range kinds {
		entry := object{}
		for key, value := range one {
			entry[key] = value
		}
		if len(kinds) > 1 {
			entry["weight"] = pick(w, 1, 5, 9, 10, 50, 90, 0)
		}
		out = append(out, entry)
	}
	return out
}

func ref(name, namespace string, number int) object {
	one := object{"name": name}
	if namespace != "" {
		one["namespace"] = namespace
	}
	if number != 0 {
		one["port"] = number
	}
	return one
}

// apiMatch is a match of an HTTPRoute.
func (w *world) apiMatch() object {
	out := object{}
	for _, part := range some(w, "path", "headers", "queryParams", "method") {
		switch part {
		case "path":
			out[part] = pick(w,
				object{"type": "PathPrefix", "value": pick(w, "/", "/a", "/api", "/a/")},
				object{"type": "Exact", "value": pick(w, "/a", "/login")},
				object{"type": "RegularExpression", "value": pick(w, "/a.*", "/.*png")},
				object{"value": "/a"})
		case "headers":
			if w.chance(50) {
				out[part] = list{object{"name": pick(w, "x-user", "X-V"), "value": pick(w, "jason", "1"), "type": pick(w, "Exact", "RegularExpression")}}
			}
		case "queryParams":
			if w.chance(40) {
				out[part] = list{object{"name": "q", "value": pick(w, "1", "2")}}
			}
		case "method":
			if w.chance(40) {
				out[part] = pick(w, "GET", "POST")
			}
		}
	}
	return out
}

// apiRules are rules of an HTTPRoute whose backends are these.
func (w *world) apiRules(backends ...object) list {
	var out list
	for range 1 + w.Intn(3) {
		one := object{"backendRefs": w.refs(some(w, backends...)...)}
		if w.chance(70) {
			var matches list
			for range 1 + w.Intn(2) {
				matches = append(matches, w.apiMatch())
			}
			one["matches"] = matches
		}
		switch w.Intn(12) {
		case 0:
			delete(one, "backendRefs")
			one["filters"] = list{object{"type": "RequestRedirect", "requestRedirect": pick(w,
				object{"statusCode": 302, "hostname": "new.example.com"}, object{"scheme": "https", "statusCode": 301})}}
		case 1:
			one["filters"] = list{object{"type": "RequestHeaderModifier", "requestHeaderModifier": object{"set": list{object{"name": "x", "value": "1"}}}}}
		case 2:
			one["filters"] = list{object{"type": "URLRewrite", "urlRewrite": object{"hostname": "elsewhere.example.com"}}}
		case 3:
			one["filters"] = list{object{"type": "RequestMirror", "requestMirror": object{"backendRef": object{"name": "v1", "port": 80}}}}
		}
		out = append(out, one)
	}
	return out
}

func (w *world) backends() []object {
	for _, name := range []string{"v1", "v2", "web"} {
		w.service("default", name, http80)
	}
	w.service("other", "v3", http80, port{"http-alt", 8080, ""})
	if w.chance(50) {
		w.api("ReferenceGrant", "other", "grant", object{
			"from": list{object{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "default"}},
			"to":   list{object{"group": "", "kind": "Service"}},
		})
	}
	all := []object{ref("v1", "", 80), ref("v2", "", 80), ref("v1", "", 80), ref("v2", "", 80), ref("v3", "other", pick(w, 80, 8080))}
	if w.chance(20) {
		all = append(all, ref("gone", "", 80))
	}
	return all
}

func routes(w *world) {
	backends := w.backends()
	w.gateway("default/gw")
	var listeners list
	numbers := some(w, 80, 80, 8080)
	for at, number := range numbers {
		one := object{"name": string(rune('a' + at)), "port": number, "protocol": "HTTP"}
		if host := pick(w, "", "", "*.example.com", "shop.example.com"); host != "" || at > 0 {
			one["hostname"] = pick(w, "*.example.com", "shop.example.com", "api.example.com")
		}
		switch w.Intn(4) {
		case 0:
		case 1:
			one["allowedRoutes"] = object{"namespaces": object{"from": "Same"}}
		case 2:
			one["allowedRoutes"] = object{"namespaces": object{"from": "Selector", "selector": object{"matchLabels": object{"kubernetes.io/metadata.name": pick(w, "default", "other")}}}}
		default:
			one["allowedRoutes"] = object{"namespaces": object{"from": "All"}}
		}
		listeners = append(listeners, one)
	}
	w.api("Gateway", "default", "gw", object{"gatewayClassName": "istio", "listeners": listeners})
	for range 1 + w.Intn(3) {
		parent := object{"name": "gw", "namespace": "default"}
		if w.chance(25) {
			parent["sectionName"] = pick(w, "a", "b")
		} else if w.chance(20) {
			parent["port"] = pick(w, 80, 8080)
		}
		spec := object{"parentRefs": list{parent}, "rules": w.apiRules(backends...)}
		if w.chance(70) {
			spec["hostnames"] = some(w, "shop.example.com", "*.example.com", "api.example.com")
		}
		w.api("HTTPRoute", pick(w, "default", "default", "default", "other"), w.name("r"), spec)
	}
	if w.chance(25) {
		w.api("GRPCRoute", "default", w.name("g"), object{
			"parentRefs": list{object{"name": "gw"}}, "hostnames": list{pick(w, "shop.example.com", "grpc.example.com")},
			"rules": list{object{
				"matches":     list{object{"method": pick(w, object{"service": "a"}, object{"service": "a", "method": "b"}, object{"type": "RegularExpression", "method": "b"})}},
				"backendRefs": w.refs(backends[0], backends[1]),
			}},
		})
	}
	w.ask(8, "shop.example.com", "shop.example.com", "api.example.com", "x.example.com", at("shop.example.com", 8080), "nobody.org", "grpc.example.com")
}

func meshRoutes(w *world) {
	backends := w.backends()
	w.mesh("default", "other")
	if w.chance(40) {
		w.rule("default", "web", "web", "v1", "v2")
	}
	for range 1 + w.Intn(3) {
		parent := object{"group": "", "kind": "Service", "name": "web"}
		namespace := pick(w, "default", "default", "default", "other")
		if namespace != "default" {
			parent["namespace"] = "default"
		}
		if w.chance(35) {
			parent["port"] = pick(w, 80, 80, 8080)
		}
		spec := object{"parentRefs": list{parent}, "rules": w.apiRules(backends...)}
		if w.chance(15) {
			spec["hostnames"] = list{"shop.example.com"}
		}
		if w.chance(15) {
			spec["parentRefs"] = append(spec["parentRefs"].(list), object{"group": "", "kind": "Service", "name": "v1", "namespace": "default"})
		}
		w.api("HTTPRoute", namespace, w.name("r"), spec)
	}
	if w.chance(25) {
		w.istio("VirtualService", "default", w.name("vs"), object{"hosts": list{"web"}, "http": list{object{"route": w.weighted(to("v1", "", 80), to("v2", "", 80))}}})
	}
	w.ask(8, "web.default", "web.default.svc.cluster.local", "v1.default", "v3.other", at("v3.other", 8080))
}

func waypoints(w *world) {
	w.flags = []string{"--waypoint"}
	w.add("gateway.networking.k8s.io/v1", "Gateway", "default", "wp", object{
		"gatewayClassName": "istio-waypoint",
		"listeners":        list{object{"name": "mesh", "port": 15008, "protocol": "HBONE"}},
	})
	wp := w.objects[0]
	wp["metadata"].(object)["labels"] = object{"istio.io/waypoint-for": "service"}
	wp["status"] = object{
		"addresses": list{object{"type": "Hostname", "value": "wp.default.svc.cluster.local"}},
		"conditions": list{object{
			"type": "Programmed", "status": "True", "reason": "Programmed", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
		}},
	}
	for _, name := range []string{"web", "v1", "v2"} {
		one := w.service("default", name, http80, port{"http-alt", 8080, ""})
		if name == "web" || w.chance(50) {
			one["metadata"].(object)["labels"] = object{"istio.io/use-waypoint": "wp"}
		}
	}
	w.service("other", "v3", http80)
	if w.chance(80) {
		w.rule("default", "web", "web.default.svc.cluster.local", "v1", "v2")
	}
	backends := []object{ref("v1", "", 80), ref("v2", "", 80), ref("web", "", 80)}
	for range 1 + w.Intn(2) {
		if w.chance(50) {
			routes := list{object{"route": w.halves()}}
			if w.chance(60) {
				routes = append(list{object{"match": list{w.sourced(w.match())}, "route": w.weighted(to("v1", "", pick(w, 0, 80)), to("v2", "", 8080))}}, routes...)
			}
			w.istio("VirtualService", pick(w, "default", "default", "other"), w.name("vs"), w.exported(object{
				"hosts": list{pick(w, "web.default.svc.cluster.local", "web", "v1.default.svc.cluster.local")}, "http": routes,
			}))
			continue
		}
		parent := object{"group": "", "kind": "Service", "name": "web", "namespace": "default"}
		if w.chance(25) {
			parent["port"] = pick(w, 80, 8080)
		}
		w.api("HTTPRoute", "default", w.name("r"), object{"parentRefs": list{parent}, "rules": w.apiRules(backends...)})
	}
	w.ask(6, "web.default", at("web.default", 8080), "web.default.svc.cluster.local")
}
