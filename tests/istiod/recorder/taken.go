package main

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	envoycluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"

	"istio.io/istio/pkg/wellknown"
)

// programme is what a proxy was given.
type programme struct {
	listeners []*listener.Listener
	routes    map[string]*route.RouteConfiguration
	clusters  map[string]bool
	// outbound proxies are given connections with their destinations; others listen where they are dialled.
	outbound bool
	// waypoints are told by the tunnel which Service is called.
	waypoint bool
}

func newProgramme(listeners []*listener.Listener, routes []*route.RouteConfiguration, clusters []*envoycluster.Cluster) programme {
	p := programme{listeners: listeners, routes: map[string]*route.RouteConfiguration{}, clusters: map[string]bool{}}
	for _, one := range routes {
		p.routes[one.Name] = one
	}
	for _, one := range clusters {
		p.clusters[one.Name] = true
	}
	return p
}

func whole() *big.Rat { return big.NewRat(1, 1) }

func just(target string) shares { return shares{target: whole()} }

// taken is where Envoy sends the request: along listener, filter chain, route configuration, virtual host and route.
func (p programme) taken(r probe, address netip.Addr, host string) (shares, error) {
	found := p.listener(address, r.port)
	if found == nil {
		return just("no-listener"), nil
	}
	chain := chosen(found, r, address)
	if p.waypoint {
		chain = waypointChain(found, r, host)
	}
	if chain == nil {
		return just("closed"), nil
	}
	for _, filter := range chain.Filters {
		switch filter.Name {
		case wellknown.HTTPConnectionManager:
			manager := &hcm.HttpConnectionManager{}
			if err := filter.GetTypedConfig().UnmarshalTo(manager); err != nil {
				return nil, err
			}
			// Whoever speaks TLS to a chain without it, or the other way round, is not understood.
			if r.tls != secured(chain.TransportSocket) {
				return just("closed"), nil
			}
			return p.routed(manager, r)
		case wellknown.TCPProxy:
			proxy := &tcp.TcpProxy{}
			if err := filter.GetTypedConfig().UnmarshalTo(proxy); err != nil {
				return nil, err
			}
			return p.forwarded(proxy), nil
		}
	}
	return just("closed"), nil
}

func secured(socket *core.TransportSocket) bool {
	return socket != nil && socket.Name == "envoy.transport_sockets.tls"
}

// listener is the one bound to the address, else to every address, else the one that takes all connections.
func (p programme) listener(address netip.Addr, port uint32) *listener.Listener {
	var all, rest *listener.Listener
	for _, one := range p.listeners {
		if p.waypoint {
			if one.Name == "main_internal" {
				return one
			}
			continue
		}
		switch one.Name {
		case "virtualOutbound":
			rest = one
			continue
		case "virtualInbound":
			continue
		}
		for _, bound := range addresses(one) {
			if bound.GetPortValue() != port || bound.GetProtocol() != core.SocketAddress_TCP {
				continue
			}
			ip, err := netip.ParseAddr(bound.GetAddress())
			switch {
			case err != nil:
			case ip == address:
				return one
			case ip.IsUnspecified():
				all = one
			}
		}
	}
	if all != nil || !p.outbound {
		return all
	}
	return rest
}

func addresses(one *listener.Listener) []*core.SocketAddress {
	all := []*core.SocketAddress{one.GetAddress().GetSocketAddress()}
	for _, more := range one.GetAdditionalAddresses() {
		all = append(all, more.GetAddress().GetSocketAddress())
	}
	return all
}

// chosen is the filter chain: Envoy narrows them down by one property after the other and never turns back.
func chosen(found *listener.Listener, r probe, address netip.Addr) *listener.FilterChain {
	inspected := map[string]bool{}
	for _, filter := range found.ListenerFilters {
		inspected[filter.Name] = true
	}
	sni, transport, applications := "", "raw_buffer", []string{}
	if r.tls {
		if inspected[wellknown.TLSInspector] {
			sni, transport, applications = r.sni, "tls", []string{"h2", "http/1.1"}
		}
	} else if inspected[wellknown.HTTPInspector] {
		applications = []string{map[bool]string{false: "http/1.1", true: "h2c"}[r.h2c]}
	}
	left := found.FilterChains
	for _, rank := range []func(*listener.FilterChainMatch) int{
		func(m *listener.FilterChainMatch) int {
			return oneOf(m.GetDestinationPort() != nil, m.GetDestinationPort().GetValue() == r.port)
		},
		func(m *listener.FilterChainMatch) int { return longestRange(m.GetPrefixRanges(), address) },
		func(m *listener.FilterChainMatch) int { return bestName(m.GetServerNames(), sni) },
		func(m *listener.FilterChainMatch) int {
			return oneOf(m.GetTransportProtocol() != "", m.GetTransportProtocol() == transport)
		},
		func(m *listener.FilterChainMatch) int {
			return oneOf(len(m.GetApplicationProtocols()) > 0, anyOf(m.GetApplicationProtocols(), applications))
		},
	} {
		left = narrowed(left, rank)
	}
	if len(left) == 0 {
		return found.DefaultFilterChain
	}
	return left[0]
}

// narrowed keeps the chains of the highest rank; below nothing stand those that do not match.
func narrowed(chains []*listener.FilterChain, rank func(*listener.FilterChainMatch) int) []*listener.FilterChain {
	best, left := -1, []*listener.FilterChain(nil)
	for _, chain := range chains {
		switch value := rank(chain.GetFilterChainMatch()); {
		case value > best:
			best, left = value, []*listener.FilterChain{chain}
		case value == best && value >= 0:
			left = append(left, chain)
		}
	}
	return left
}

func oneOf(asked, holds bool) int {
	switch {
	case !asked:
		return 0
	case holds:
		return 1
	}
	return -1
}

func anyOf(list, wanted []string) bool {
	for _, one := range list {
		for _, other := range wanted {
			if one == other {
				return true
			}
		}
	}
	return false
}

func longestRange(ranges []*core.CidrRange, address netip.Addr) int {
	if len(ranges) == 0 {
		return 0
	}
	best := -1
	for _, one := range ranges {
		ip, err := netip.ParseAddr(one.GetAddressPrefix())
		if err != nil {
			continue
		}
		length := int(one.GetPrefixLen().GetValue())
		if netip.PrefixFrom(ip, length).Contains(address) && length+1 > best {
			best = length + 1
		}
	}
	return best
}

// bestName ranks an exact name before a wildcard, and longer wildcards before shorter ones.
func bestName(names []string, sni string) int {
	if len(names) == 0 {
		return 0
	}
	best := -1
	for _, name := range names {
		suffix, wild := strings.CutPrefix(name, "*")
		switch {
		case name == sni && sni != "":
			return 1 << 20
		case wild && suffix == "":
			best = max(best, 0)
		case wild && strings.HasSuffix(sni, suffix):
			best = max(best, len(suffix))
		}
	}
	return best
}

// waypointChain is named after the service and what is spoken to it; the listener's matcher says the same by address.
func waypointChain(found *listener.Listener, r probe, host string) *listener.FilterChain {
	var http, raw *listener.FilterChain
	for _, chain := range found.FilterChains {
		switch chain.Name {
		case fmt.Sprintf("inbound-vip|%d|http|%s", r.port, host):
			http = chain
		case fmt.Sprintf("inbound-vip|%d|tcp|%s", r.port, host):
			raw = chain
		}
	}
	if http != nil && (!r.tls || raw == nil) {
		return http
	}
	return raw
}

func (p programme) forwarded(proxy *tcp.TcpProxy) shares {
	if name := proxy.GetCluster(); name != "" {
		return just(p.target(name, 503))
	}
	out, total := shares{}, int64(0)
	for _, one := range proxy.GetWeightedClusters().GetClusters() {
		total += int64(one.Weight)
	}
	for _, one := range proxy.GetWeightedClusters().GetClusters() {
		out.add(p.target(one.Name, 503), big.NewRat(int64(one.Weight), total))
	}
	return out
}

// target is what a cluster stands for: a Service with its port and subset, or what Envoy does without such a cluster.
func (p programme) target(name string, missing int) string {
	switch name {
	case "PassthroughCluster":
		return "passthrough"
	case "BlackHoleCluster":
		return "closed"
	}
	if !p.clusters[name] {
		return fmt.Sprintf("status %d", missing)
	}
	parts := strings.SplitN(name, "|", 4)
	if len(parts) != 4 {
		return "cluster " + name
	}
	subset := parts[2]
	if parts[0] == "inbound-vip" {
		_, subset, _ = strings.Cut(subset, "/")
	}
	return fmt.Sprintf("dest %s/%s/%s", parts[3], parts[1], subset)
}
