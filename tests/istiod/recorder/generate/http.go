package main

// text is a match of a text, as VirtualServices write it.
func (w *world) text(values ...string) object {
	value := pick(w, values...)
	switch w.Intn(5) {
	case 0:
		return object{"prefix": value}
	case 1:
		return object{"regex": pick(w, value+".*", ".*"+value, "["+value+"1-3]+", value)}
	default:
		return object{"exact": value}
	}
}

// match is one entry of `match`.
func (w *world) match() object {
	out := object{}
	for _, part := range some(w, "uri", "headers", "withoutHeaders", "queryParams", "method", "authority", "port", "scheme") {
		if !w.chance(45) && len(out) > 0 {
			continue
		}
		switch part {
		case "uri":
			out["uri"] = pick(w,
				object{"prefix": pick(w, "/", "/a", "/api", "/a/")},
				object{"exact": pick(w, "/a", "/login", "/api")},
				object{"regex": pick(w, "/a.*", "/.*\\.png", "/[a-b]", "/api/v[0-9]/.*")})
			if w.chance(20) {
				out["ignoreUriCase"] = true
			}
		case "headers", "withoutHeaders":
			headers := object{}
			for _, name := range some(w, "x-user", "x-v") {
				headers[name] = pick(w, w.text("jason", "1", "canary"), object{})
			}
			out[part] = headers
		case "queryParams":
			out[part] = object{pick(w, "q", "u"): pick(w, w.text("1", "jason"), object{})}
		case "method":
			out[part] = object{"exact": pick(w, "GET", "POST")}
		case "authority":
			out[part] = pick(w, object{"prefix": "web"}, object{"exact": "web"}, object{"exact": "web.default"}, object{"regex": "web.*"})
		case "port":
			out[part] = pick(w, 80, 80, 8080)
		case "scheme":
			out[part] = object{"exact": "http"}
		}
	}
	return out
}

// action is what a route does: nearly always a split.
func (w *world) action(into object) object {
	switch w.Intn(12) {
	case 0:
		into["redirect"] = pick(w,
			object{"uri": "/new"},
			object{"authority": "new.example.com", "redirectCode": pick(w, 302, 307, 308)},
			object{"scheme": "https"})
	case 1:
		into["directResponse"] = object{"status": pick(w, 200, 418, 503)}
	default:
		into["route"] = pick(w, w.halves(), w.weighted(to("api", "", 0)), w.weighted(
			to("web", "v1", 80), to("api.default.svc.cluster.local", "", 80), to("web", "v2", 80)))
		if w.chance(12) {
			abort := object{"httpStatus": pick(w, 500, 503)}
			if w.chance(70) {
				abort["percentage"] = object{"value": pick(w, 10.0, 50.0, 0.1, 100.0)}
			}
			into["fault"] = object{"abort": abort}
		}
		if w.chance(10) {
			into["rewrite"] = object{"uri": "/"}
		}
		if w.chance(10) {
			into["mirror"] = object{"host": "api"}
		}
	}
	return into
}

// https are HTTP routes, the last one without a match in most cases.
func (w *world) https(count int) list {
	var out list
	for range count {
		one := w.action(object{})
		var matches list
		for range 1 + w.Intn(2) {
			matches = append(matches, w.match())
		}
		one["match"] = matches
		out = append(out, one)
	}
	if w.chance(80) {
		out = append(out, object{"route": w.halves()})
	}
	return out
}

var webNames = []string{"web", "web.default", "web.default.svc", "web.default.svc.cluster.local"}

func matches(w *world) {
	w.base()
	w.mesh("default")
	spec := object{"hosts": list{pick(w, webNames...)}, "http": w.https(1 + w.Intn(3))}
	w.istio("VirtualService", "default", "web", spec)
	w.ask(8, webNames...)
	if w.chance(40) {
		w.requests[0].Host = pick(w, "web:80", "WEB", "web.default", "api", "nobody.example.com")
	}
	if w.chance(20) {
		w.requests[1].H2C = true
	}
}

// sourced adds the matches that ask for the client.
func (w *world) sourced(one object) object {
	for _, part := range some(w, "sourceLabels", "sourceNamespace", "gateways", "port") {
		if !w.chance(60) {
			continue
		}
		switch part {
		case "sourceLabels":
			one[part] = pick(w, object{"app": "x"}, object{"app": "y"}, object{"app": "x", "tier": "f"})
		case "sourceNamespace":
			one[part] = pick(w, "default", "other")
		case "gateways":
			one[part] = pick(w, list{"mesh"}, list{"mesh", "istio-system/gw"}, list{"istio-system/gw"})
		case "port":
			one[part] = pick(w, 80, 8080)
		}
	}
	return one
}

func (w *world) exported(spec object) object {
	if w.chance(40) {
		spec["exportTo"] = pick(w, list{"."}, list{"*"}, list{"other"}, list{".", "other"}, list{"default", "third"})
	}
	return spec
}

func owners(w *world) {
	w.service("default", "web", http80)
	w.service(pick(w, "default", "other"), "api", http80)
	if w.chance(30) {
		w.service("other", "web", http80)
	}
	w.rule("default", "web", "web.default.svc.cluster.local", "v1", "v2")
	w.mesh("default", "other", "third")
	for range 2 + w.Intn(2) {
		hosts := list{pick(w, "web", "web.default.svc.cluster.local", "*.default.svc.cluster.local", "shop.example.com", "*.example.com")}
		if w.chance(25) {
			hosts = list{"web", "api"}
		}
		var routes list
		for range 1 + w.Intn(2) {
			one := object{"route": pick(w, w.halves(), w.weighted(to("web.default.svc.cluster.local", pick(w, "v1", "v2"), 0)))}
			if w.chance(50) {
				one["match"] = list{w.sourced(object{"uri": object{"prefix": pick(w, "/", "/a", "/api")}})}
			}
			routes = append(routes, one)
		}
		spec := w.exported(object{"hosts": hosts, "http": routes})
		if w.chance(20) {
			spec["gateways"] = pick(w, list{"mesh"}, list{"istio-system/gw"}, list{"mesh", "istio-system/gw"})
		}
		w.istio("VirtualService", pick(w, "default", "default", "other", "istio-system"), w.name("vs"), spec)
	}
	w.ask(7, "web", "web.default", "web.default.svc.cluster.local", "api", "web.other", "shop.example.com", "a.example.com", at("web", 8080))
}

func delegates(w *world) {
	w.base()
	w.mesh("default", "other")
	var roots list
	for at := range 1 + w.Intn(3) {
		namespace := pick(w, "default", "default", "other")
		name := w.name("part")
		one := object{"delegate": object{"name": name, "namespace": namespace}}
		if w.chance(75) {
			one["match"] = list{w.sourced(pick(w,
				object{"uri": object{"prefix": pick(w, "/a", "/api", "/")}},
				object{"headers": object{"x-v": object{"exact": "1"}}},
				object{"uri": object{"regex": "/a.*"}, "method": object{"exact": "GET"}}))}
		}
		if w.chance(20) {
			one["rewrite"] = object{"uri": "/"}
		}
		if at == 0 && w.chance(15) {
			one["delegate"] = object{"name": "nowhere", "namespace": namespace}
		}
		roots = append(roots, one)
		spec := object{"http": w.https(1 + w.Intn(2))}
		w.istio("VirtualService", namespace, name, w.exported(spec))
	}
	if w.chance(60) {
		roots = append(roots, object{"route": w.halves()})
	}
	w.istio("VirtualService", "default", "root", object{"hosts": list{"web"}, "http": roots})
	w.ask(8, "web.default.svc.cluster.local", "web.default")
}
