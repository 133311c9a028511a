package main

import (
	"fmt"
	"net/netip"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/test"

	"resplit/tests/istiod/recorder/admission"
	"resplit/tests/istiod/recorder/sets"
)

// record asks the control plane about each request of the set.
func record(admission *admission.Admission, set *sets.Set, text []byte) error {
	admitted, err := admission.Admit(text)
	if err != nil {
		return err
	}
	set.Refused = admitted.Refused
	from, err := vantageOf(*set, admitted.Objects)
	if err != nil && len(set.Refused) > 0 {
		// The gateway is one of those that are refused.
		for index := range set.Requests {
			set.Requests[index].Programmed = just("no-listener").written()
		}
		return nil
	}
	if err != nil {
		return err
	}
	cluster := completed(admitted.Objects, from)
	var failed error
	err = test.Wrap(func(t test.Failer) {
		failed = ask(t, set, cluster, from)
	})
	if failed != nil {
		return failed
	}
	return err
}

func ask(t test.Failer, set *sets.Set, cluster cluster, from vantage) error {
	server, err := controlPlane(t, cluster)
	if err != nil {
		return err
	}
	proxy := server.SetupProxy(from.proxy())
	given := newProgramme(server.Listeners(proxy), server.Routes(proxy), server.Clusters(proxy))
	given.outbound = from.kind == sidecar
	given.waypoint = from.kind == waypoint
	for index := range set.Requests {
		request := &set.Requests[index]
		probe, err := probeOf(*request)
		if err != nil {
			return err
		}
		address, host := cluster.dialled(probe.name, from.namespace)
		taken, err := given.taken(probe, address, host)
		if err != nil {
			return fmt.Errorf("%s: %w", request.URL, err)
		}
		request.Programmed = taken.written()
	}
	return nil
}

// controlPlane holds the objects of the cluster.
func controlPlane(t test.Failer, cluster cluster) (*xds.FakeDiscoveryServer, error) {
	stored, err := admission.Store(cluster.objects)
	if err != nil {
		return nil, err
	}
	return xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		Configs:           stored.Configs,
		KubernetesObjects: stored.Objects,
		MeshConfig:        mesh.DefaultMeshConfig(),
	}), nil
}

// proxy is the one that stands at the vantage.
func (v vantage) proxy() *model.Proxy {
	metadata := &model.NodeMetadata{
		Namespace:    v.namespace,
		Labels:       v.labels,
		ClusterID:    "Kubernetes",
		IstioVersion: "1.30.0",
	}
	address := v.address()
	proxy := &model.Proxy{
		ID:              "client." + v.namespace,
		ConfigNamespace: v.namespace,
		Labels:          v.labels,
		Metadata:        metadata,
		IPAddresses:     []string{address.String()},
	}
	switch v.kind {
	case sidecar:
		proxy.Type = model.SidecarProxy
	case gateway:
		proxy.Type = model.Router
	case waypoint:
		proxy.Type = model.Waypoint
	}
	return proxy
}

// address is that of the pod of the proxy.
func (v vantage) address() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 244, 9, 7 + byte(v.kind)})
}
