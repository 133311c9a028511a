package main

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"

	"resplit/tests/istiod/recorder/sets"
)

// world is a set in the making.
type world struct {
	*rand.Rand
	objects  []object
	flags    []string
	requests []sets.Request
	made     int
	// client is the namespace of the client.
	client string
}

func newWorld(random *rand.Rand) *world {
	return &world{Rand: random}
}

// chance is true n times of a hundred.
func (w *world) chance(n int) bool { return w.Intn(100) < n }

func pick[T any](w *world, of ...T) T { return of[w.Intn(len(of))] }

// some keeps each of the values in half of the cases, and one at least.
func some[T any](w *world, of ...T) []T {
	var kept []T
	for _, one := range of {
		if w.chance(50) {
			kept = append(kept, one)
		}
	}
	if len(kept) == 0 {
		kept = append(kept, pick(w, of...))
	}
	return kept
}

// add makes an object; one in three has an age of its own.
func (w *world) add(version, kind, namespace, name string, spec object) object {
	metadata := object{"name": name, "namespace": namespace}
	if w.chance(33) {
		metadata["creationTimestamp"] = fmt.Sprintf("2026-0%d-01T00:00:00Z", 1+w.Intn(4))
	}
	one := object{"apiVersion": version, "kind": kind, "metadata": metadata}
	if spec != nil {
		one["spec"] = spec
	}
	w.objects = append(w.objects, one)
	return one
}

func (w *world) istio(kind, namespace, name string, spec object) object {
	return w.add("networking.istio.io/v1", kind, namespace, name, spec)
}

func (w *world) api(kind, namespace, name string, spec object) object {
	version := map[string]string{"TLSRoute": "v1alpha2", "TCPRoute": "v1alpha2", "ReferenceGrant": "v1beta1"}[kind]
	if version == "" {
		version = "v1"
	}
	return w.add("gateway.networking.k8s.io/"+version, kind, namespace, name, spec)
}

// name is one that no other object of the set has.
func (w *world) name(stem string) string {
	w.made++
	return fmt.Sprintf("%s-%c%d", stem, 'a'+rune(w.Intn(26)), w.made)
}

type port struct {
	name   string
	number int
	app    string
}

var http80 = port{"http", 80, ""}

func (w *world) service(namespace, name string, ports ...port) object {
	var listed list
	for _, one := range ports {
		entry := object{"name": one.name, "port": one.number}
		if one.app != "" {
			entry["appProtocol"] = one.app
		}
		listed = append(listed, entry)
	}
	return w.add("v1", "Service", namespace, name, object{"ports": listed, "selector": object{"app": name}})
}

// rule is a DestinationRule with the subsets.
func (w *world) rule(namespace, name, host string, subsets ...string) object {
	spec := object{"host": host}
	var listed list
	for _, one := range subsets {
		listed = append(listed, object{"name": one, "labels": object{"version": one}})
	}
	if listed != nil {
		spec["subsets"] = listed
	}
	return w.istio("DestinationRule", namespace, name, spec)["spec"].(object)
}

// base is what most sets begin with: web with two subsets, api beside it.
func (w *world) base() {
	w.service("default", "web", http80)
	w.service("default", "api", http80)
	w.rule("default", "web", "web.default.svc.cluster.local", "v1", "v2")
}

func to(host, subset string, number int) object {
	one := object{"host": host}
	if subset != "" {
		one["subset"] = subset
	}
	if number != 0 {
		one["port"] = object{"number": number}
	}
	return one
}

// weighted are destinations with weights that add up to something.
func (w *world) weighted(destinations ...object) list {
	var out list
	for _, one := range destinations {
		entry := object{"destination": one}
		if len(destinations) > 1 {
			entry["weight"] = pick(w, 1, 5, 10, 20, 33, 50, 90)
		}
		out = append(out, entry)
	}
	return out
}

// halves is a split between the subsets of web.
func (w *world) halves() list {
	return w.weighted(to("web.default.svc.cluster.local", "v1", 0), to("web.default.svc.cluster.local", "v2", 0))
}

// mesh says that the requests come from a client in the mesh.
func (w *world) mesh(namespaces ...string) {
	w.client = pick(w, namespaces...)
	labels := pick(w, "app=x", "app=y", "app=x,tier=f", "zz=zz")
	w.flags = []string{"--from-namespace", w.client, "--from-labels", labels}
}

func (w *world) gateway(name string) { w.flags = []string{"--gateway", name} }

var paths = []string{"/", "/a", "/a/b", "/ab", "/api", "/api/v1/x", "/A", "/login", "/x.png", "/a/"}

// ask adds requests for the hosts, with paths and headers that matches speak of.
func (w *world) ask(count int, hosts ...string) {
	for range count {
		one := sets.Request{URL: pick(w, hosts...) + pick(w, paths...)}
		if !strings.Contains(one.URL, "://") {
			one.URL = "http://" + one.URL
		}
		if w.chance(30) {
			one.URL += pick(w, "?q=1", "?q=", "?u=jason&q=2", "?x=y")
		}
		if w.chance(45) {
			one.Headers = map[string]string{}
			for _, name := range some(w, "x-user", "x-v", "cookie") {
				one.Headers[name] = pick(w, "jason", "1", "2", "", "canary", "a,b")
			}
		}
		if w.chance(20) {
			one.Method = pick(w, "POST", "PUT", "DELETE")
		}
		w.requests = append(w.requests, one)
	}
}

func at(host string, number int) string { return host + ":" + strconv.Itoa(number) }
