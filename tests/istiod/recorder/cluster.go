package main

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// cluster is the objects of a set, and what a cluster would add to them: addresses, namespaces, and what its
// controllers start.
type cluster struct {
	objects []*unstructured.Unstructured
	// services have the address under which each name is dialled.
	services map[string]netip.Addr
}

// outside is where names lead that no Service has.
var outside = netip.MustParseAddr("203.0.113.1")

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

func completed(objects []*unstructured.Unstructured, from vantage) cluster {
	out := cluster{services: map[string]netip.Addr{}}
	out.objects = append(out.objects, objects...)
	if from.managed != nil {
		service := serviceOf(from)
		out.objects = append(out.objects, service)
		out.objects = append(out.objects, podOf(service, from.address())...)
	}
	namespaces := map[string]bool{from.namespace: true, "istio-system": true}
	for index := range out.objects {
		object := out.objects[index]
		switch object.GetKind() {
		case "Namespace":
			label(object)
			namespaces[object.GetName()] = false
		case "Service":
			out.address(object, index)
		case "ServiceEntry":
			out.entry(object)
		}
		if _, known := namespaces[object.GetNamespace()]; !known && object.GetNamespace() != "" {
			namespaces[object.GetNamespace()] = true
		}
	}
	for _, name := range sortedKeys(namespaces) {
		if namespaces[name] {
			object := made("v1", "Namespace", "", name, nil)
			label(object)
			out.objects = append(out.objects, object)
		}
	}
	for class, controller := range map[string]string{
		"istio":          "istio.io/gateway-controller",
		"istio-waypoint": "istio.io/mesh-controller",
	} {
		spec := map[string]any{"controllerName": controller}
		out.objects = append(out.objects, made("gateway.networking.k8s.io/v1", "GatewayClass", "", class, spec))
	}
	return out
}

// label is what the API server puts on every namespace.
func label(namespace *unstructured.Unstructured) {
	labels := namespace.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["kubernetes.io/metadata.name"] = namespace.GetName()
	namespace.SetLabels(labels)
}

func made(version, kind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": version, "kind": kind}}
	object.SetName(name)
	object.SetNamespace(namespace)
	if spec != nil {
		object.Object["spec"] = spec
	}
	return object
}

// serviceOf is the Service that Istio starts for a Gateway of the Gateway API.
func serviceOf(from vantage) *unstructured.Unstructured {
	name := from.managed.GetName()
	if from.kind == gateway {
		class, _, _ := unstructured.NestedString(from.managed.Object, "spec", "gatewayClassName")
		name += "-" + class
	}
	listeners, _, _ := unstructured.NestedSlice(from.managed.Object, "spec", "listeners")
	ports, known := []any{}, map[any]bool{}
	for _, one := range listeners {
		port := one.(map[string]any)["port"]
		if !known[port] {
			known[port] = true
			ports = append(ports, map[string]any{"name": fmt.Sprintf("port-%v", port), "port": port, "targetPort": port, "protocol": "TCP"})
		}
	}
	service := made("v1", "Service", from.namespace, name, map[string]any{
		"ports":    ports,
		"selector": map[string]any{nameOfGateway: from.managed.GetName()},
	})
	service.SetLabels(map[string]string{nameOfGateway: from.managed.GetName()})
	return service
}

// address gives a Service the address that a cluster would give it. The pods of one without are not given.
func (c *cluster) address(service *unstructured.Unstructured, index int) {
	name := service.GetName() + "." + service.GetNamespace() + ".svc.cluster.local"
	address, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
	kind, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	switch {
	case kind == "ExternalName":
		c.services[name] = outside
		return
	case address == "None":
		c.services[name] = outside
		return
	case address == "":
		address = fmt.Sprintf("10.96.1.%d", index+1)
		_ = unstructured.SetNestedField(service.Object, address, "spec", "clusterIP")
	}
	if ip, err := netip.ParseAddr(address); err == nil {
		c.services[name] = ip
	}
}

// podOf is a pod behind a Service, and the slice that lists it.
func podOf(service *unstructured.Unstructured, address netip.Addr) []*unstructured.Unstructured {
	selector, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
	if len(selector) == 0 {
		return nil
	}
	name := service.GetName() + "-0"
	pod := made("v1", "Pod", service.GetNamespace(), name, map[string]any{})
	pod.SetLabels(selector)
	pod.Object["status"] = map[string]any{
		"phase": "Running", "podIP": address.String(), "podIPs": []any{map[string]any{"ip": address.String()}},
		"conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
	}
	slice := made("discovery.k8s.io/v1", "EndpointSlice", service.GetNamespace(), name, nil)
	slice.SetLabels(map[string]string{"kubernetes.io/service-name": service.GetName()})
	ports := []any{}
	listed, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	for _, one := range listed {
		port := one.(map[string]any)
		target, whole := port["targetPort"].(int64)
		if !whole {
			target, _ = port["port"].(int64)
		}
		ports = append(ports, map[string]any{"name": port["name"], "port": target, "protocol": "TCP"})
	}
	slice.Object["addressType"] = "IPv4"
	slice.Object["ports"] = ports
	slice.Object["endpoints"] = []any{map[string]any{
		"addresses":  []any{address.String()},
		"conditions": map[string]any{"ready": true},
		"targetRef":  map[string]any{"kind": "Pod", "name": name, "namespace": service.GetNamespace()},
	}}
	return []*unstructured.Unstructured{pod, slice}
}

// entry gives the hosts of a ServiceEntry their first address; hosts without one are looked up outside.
func (c *cluster) entry(object *unstructured.Unstructured) {
	hosts, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "hosts")
	addresses, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "addresses")
	address := outside
	if len(addresses) > 0 {
		if prefix, err := netip.ParsePrefix(addresses[0]); err == nil {
			address = prefix.Addr()
		} else if ip, err := netip.ParseAddr(addresses[0]); err == nil {
			address = ip
		}
	}
	for _, host := range hosts {
		if _, known := c.services[host]; !known {
			c.services[host] = address
		}
	}
}

// dialled is where the name leads for a client in the namespace, and the whole name of the Service that has it.
func (c cluster) dialled(name, namespace string) (netip.Addr, string) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip, name
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, suffix := range []string{"." + namespace + ".svc.cluster.local", ".svc.cluster.local", ".cluster.local", ""} {
		if address, known := c.services[name+suffix]; known {
			return address, name + suffix
		}
	}
	return outside, name
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
