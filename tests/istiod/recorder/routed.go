package main

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	fault "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	envoytype "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"istio.io/istio/pkg/wellknown"
)

// routed is what the routes of an HTTP connection manager do with the request.
func (p programme) routed(manager *hcm.HttpConnectionManager, r probe) (shares, error) {
	table := manager.GetRouteConfig()
	if name := manager.GetRds().GetRouteConfigName(); name != "" {
		table = p.routes[name]
	}
	if table == nil {
		return nil, fmt.Errorf("no route configuration %q", manager.GetRds().GetRouteConfigName())
	}
	host := virtualHost(table, r.headers[":authority"])
	if host == nil {
		return just("status 404"), nil
	}
	if host.RequireTls == route.VirtualHost_ALL && !r.tls {
		return just("status 301"), nil
	}
	for _, one := range host.Routes {
		matches, err := matchesRoute(one.GetMatch(), r)
		if err != nil {
			return nil, err
		}
		if matches {
			return p.answered(one, r)
		}
	}
	return just("status 404"), nil
}

// virtualHost is found by the exact name, then the longest `*.suffix`, then the longest `prefix.*`, then `*`.
func virtualHost(table *route.RouteConfiguration, authority string) *route.VirtualHost {
	authority = strings.ToLower(authority)
	if table.IgnorePortInHostMatching {
		if name, port, found := cutLast(authority, ":"); found {
			if _, err := strconv.Atoi(port); err == nil {
				authority = name
			}
		}
	}
	var best *route.VirtualHost
	rank := -1
	for _, host := range table.VirtualHosts {
		for _, domain := range host.Domains {
			if value := domainRank(strings.ToLower(domain), authority); value > rank {
				best, rank = host, value
			}
		}
	}
	return best
}

func domainRank(domain, authority string) int {
	const exact, suffixes, prefixes = 1 << 30, 1 << 20, 1 << 10
	suffix, leads := strings.CutPrefix(domain, "*")
	prefix, ends := strings.CutSuffix(domain, "*")
	switch {
	case domain == authority:
		return exact
	case domain == "*":
		return 0
	case leads && strings.HasSuffix(authority, suffix) && len(authority) > len(suffix):
		return suffixes + len(suffix)
	case ends && strings.HasPrefix(authority, prefix) && len(authority) > len(prefix):
		return prefixes + len(prefix)
	}
	return -1
}

func cutLast(text, separator string) (before, after string, found bool) {
	index := strings.LastIndex(text, separator)
	if index < 0 {
		return text, "", false
	}
	return text[:index], text[index+len(separator):], true
}

func matchesRoute(m *route.RouteMatch, r probe) (bool, error) {
	path, err := matchesPath(m, r.path)
	if err != nil || !path {
		return false, err
	}
	for _, header := range m.GetHeaders() {
		matches, err := matchesHeader(header, r.headers)
		if err != nil || !matches {
			return false, err
		}
	}
	for _, query := range m.GetQueryParameters() {
		values, given := r.query[query.Name]
		if query.GetStringMatch() != nil {
			if !given {
				return false, nil
			}
			matches, err := matchesString(query.GetStringMatch(), values[0])
			if err != nil || !matches {
				return false, err
			}
		} else if given != query.GetPresentMatch() {
			return false, nil
		}
	}
	if grpc := m.GetGrpc(); grpc != nil && !strings.HasPrefix(r.headers["content-type"], "application/grpc") {
		return false, nil
	}
	// Metadata comes from filters such as the check of a token, and no request of a set carries one.
	return len(m.GetDynamicMetadata()) == 0 && m.GetTlsContext() == nil, nil
}

func matchesPath(m *route.RouteMatch, path string) (bool, error) {
	fold := func(text string) string {
		if m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue() {
			return strings.ToLower(text)
		}
		return text
	}
	switch by := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		return strings.HasPrefix(fold(path), fold(by.Prefix)), nil
	case *route.RouteMatch_Path:
		return fold(path) == fold(by.Path), nil
	case *route.RouteMatch_PathSeparatedPrefix:
		rest, found := strings.CutPrefix(fold(path), fold(by.PathSeparatedPrefix))
		return found && (rest == "" || rest[0] == '/'), nil
	case *route.RouteMatch_SafeRegex:
		return matchesRegex(by.SafeRegex.GetRegex(), path)
	}
	return false, fmt.Errorf("a match of paths that is not known: %v", m)
}

func matchesRegex(regex, text string) (bool, error) {
	compiled, err := regexp.Compile(`^(?s:` + regex + `)$`)
	if err != nil {
		return false, err
	}
	return compiled.MatchString(text), nil
}

func matchesHeader(m *route.HeaderMatcher, headers map[string]string) (bool, error) {
	value, given := headers[strings.ToLower(m.Name)]
	if !given && m.TreatMissingHeaderAsEmpty {
		given = true
	}
	var matches bool
	var err error
	switch by := m.GetHeaderMatchSpecifier().(type) {
	case nil:
		matches = given
	case *route.HeaderMatcher_PresentMatch:
		matches = given == by.PresentMatch
	case *route.HeaderMatcher_StringMatch:
		// What is not there matches no text, inverted or not, unless it is said to count as an empty one.
		if !given {
			return m.InvertMatch, nil
		}
		matches, err = matchesString(by.StringMatch, value)
	default:
		return false, fmt.Errorf("a match of headers that is not known: %v", m)
	}
	return matches != m.InvertMatch, err
}

func matchesString(m *matcher.StringMatcher, text string) (bool, error) {
	fold := func(one string) string {
		if m.IgnoreCase {
			return strings.ToLower(one)
		}
		return one
	}
	switch by := m.GetMatchPattern().(type) {
	case *matcher.StringMatcher_Exact:
		return fold(text) == fold(by.Exact), nil
	case *matcher.StringMatcher_Prefix:
		return strings.HasPrefix(fold(text), fold(by.Prefix)), nil
	case *matcher.StringMatcher_Suffix:
		return strings.HasSuffix(fold(text), fold(by.Suffix)), nil
	case *matcher.StringMatcher_Contains:
		return strings.Contains(fold(text), fold(by.Contains)), nil
	case *matcher.StringMatcher_SafeRegex:
		return matchesRegex(by.SafeRegex.GetRegex(), text)
	}
	return false, fmt.Errorf("a match of texts that is not known: %v", m)
}

// answered is what the action of the route, and a fault before it, come to.
func (p programme) answered(one *route.Route, r probe) (shares, error) {
	out := shares{}
	left := whole()
	if typed := one.GetTypedPerFilterConfig()[wellknown.Fault]; typed != nil {
		injected := &fault.HTTPFault{}
		if err := typed.UnmarshalTo(injected); err != nil {
			return nil, err
		}
		if status := injected.GetAbort().GetHttpStatus(); status != 0 {
			part := fraction(injected.GetAbort().GetPercentage())
			out.add(fmt.Sprintf("status %d", status), part)
			left.Sub(left, part)
		}
	}
	for target, share := range p.acted(one, r) {
		out.add(target, share.Mul(share, left))
	}
	return out, nil
}

func fraction(percent *envoytype.FractionalPercent) *big.Rat {
	below := map[envoytype.FractionalPercent_DenominatorType]int64{
		envoytype.FractionalPercent_HUNDRED:      100,
		envoytype.FractionalPercent_TEN_THOUSAND: 10_000,
		envoytype.FractionalPercent_MILLION:      1_000_000,
	}[percent.GetDenominator()]
	part := big.NewRat(int64(percent.GetNumerator()), below)
	if part.Cmp(whole()) > 0 {
		return whole()
	}
	return part
}

var redirects = map[route.RedirectAction_RedirectResponseCode]int{
	route.RedirectAction_MOVED_PERMANENTLY:  301,
	route.RedirectAction_FOUND:              302,
	route.RedirectAction_SEE_OTHER:          303,
	route.RedirectAction_TEMPORARY_REDIRECT: 307,
	route.RedirectAction_PERMANENT_REDIRECT: 308,
}

// notFound is what Envoy answers where it has no cluster.
var notFound = map[route.RouteAction_ClusterNotFoundResponseCode]int{
	route.RouteAction_SERVICE_UNAVAILABLE:   503,
	route.RouteAction_NOT_FOUND:             404,
	route.RouteAction_INTERNAL_SERVER_ERROR: 500,
}

func (p programme) acted(one *route.Route, r probe) shares {
	switch action := one.GetAction().(type) {
	case *route.Route_Redirect:
		return just(fmt.Sprintf("status %d", redirects[action.Redirect.GetResponseCode()]))
	case *route.Route_DirectResponse:
		return just(fmt.Sprintf("status %d", action.DirectResponse.GetStatus()))
	case *route.Route_Route:
		missing := notFound[action.Route.GetClusterNotFoundResponseCode()]
		weighted := action.Route.GetWeightedClusters()
		if weighted == nil {
			return just(p.target(action.Route.GetCluster(), missing))
		}
		out, total := shares{}, int64(0)
		for _, cluster := range weighted.GetClusters() {
			total += int64(cluster.GetWeight().GetValue())
		}
		for _, cluster := range weighted.GetClusters() {
			out.add(p.target(cluster.GetName(), missing), big.NewRat(int64(cluster.GetWeight().GetValue()), total))
		}
		return out
	}
	return just("closed")
}
