package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"resplit/tests/istiod/recorder/sets"
)

type proxyKind int

const (
	sidecar proxyKind = iota
	gateway
	waypoint
)

// nameOfGateway is the label that the proxies of a Gateway of the Gateway API carry.
const nameOfGateway = "gateway.networking.k8s.io/gateway-name"

// vantage is the proxy that decides about the requests of a set.
type vantage struct {
	kind      proxyKind
	namespace string
	labels    map[string]string
	// managed is the Gateway for which a cluster would start proxies and a Service.
	managed *unstructured.Unstructured
}

// vantageOf reads the options that say where requests come from, as resplit reads them.
func vantageOf(set sets.Set, objects []*unstructured.Unstructured) (vantage, error) {
	namespace, named := set.Flag("--from-namespace")
	if reference, given := set.Flag("--gateway"); given {
		return gatewayOf(reference, namespace, named, objects)
	}
	if _, given := set.Flag("--waypoint"); given {
		for _, object := range objects {
			class, _, _ := unstructured.NestedString(object.Object, "spec", "gatewayClassName")
			if object.GetKind() == "Gateway" && class == "istio-waypoint" {
				return managedBy(waypoint, object), nil
			}
		}
		return vantage{}, fmt.Errorf("no Gateway of the class istio-waypoint")
	}
	if !named {
		namespace = "default"
	}
	return vantage{kind: sidecar, namespace: namespace, labels: set.Labels()}, nil
}

func managedBy(kind proxyKind, object *unstructured.Unstructured) vantage {
	return vantage{
		kind:      kind,
		namespace: object.GetNamespace(),
		labels:    map[string]string{nameOfGateway: object.GetName()},
		managed:   object,
	}
}

func gatewayOf(reference, namespace string, named bool, objects []*unstructured.Unstructured) (vantage, error) {
	for _, object := range objects {
		if object.GetKind() != "Gateway" || object.GetNamespace()+"/"+object.GetName() != reference {
			continue
		}
		if strings.HasPrefix(object.GetAPIVersion(), "gateway.networking.k8s.io/") {
			return managedBy(gateway, object), nil
		}
		selector, _, _ := unstructured.NestedStringMap(object.Object, "spec", "selector")
		if !named {
			namespace = home(object, selector, objects)
		}
		return vantage{kind: gateway, namespace: namespace, labels: selector}, nil
	}
	return vantage{}, fmt.Errorf("no Gateway %s", reference)
}

// home is where the proxies of an Istio Gateway run: where a Service selects them or they are started, else where the
// default ones do, else beside their Gateway.
func home(object *unstructured.Unstructured, selector map[string]string, objects []*unstructured.Unstructured) string {
	for _, one := range objects {
		at := map[string][]string{
			"Service":    {"spec", "selector"},
			"Deployment": {"spec", "template", "metadata", "labels"},
			"Pod":        {"metadata", "labels"},
		}[one.GetKind()]
		if at == nil {
			continue
		}
		found, _, _ := unstructured.NestedStringMap(one.Object, at...)
		if len(found) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(found)) {
			return one.GetNamespace()
		}
	}
	if selector["istio"] == "ingressgateway" {
		return "istio-system"
	}
	return object.GetNamespace()
}
