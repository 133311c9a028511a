package main

import (
	"fmt"
	"net/url"
	"strings"

	"resplit/tests/istiod/recorder/sets"
)

// probe is a request as a proxy sees it.
type probe struct {
	tls  bool
	h2c  bool
	sni  string
	name string // the host of the URL, which is looked up and dialled
	port uint32
	// headers in small letters, with :authority, :method, :path and :scheme
	headers map[string]string
	path    string
	query   url.Values
}

func probeOf(r sets.Request) (probe, error) {
	address, err := url.Parse(r.URL)
	if err != nil {
		return probe{}, err
	}
	p := probe{tls: address.Scheme == "https", h2c: r.H2C, name: address.Hostname(), headers: map[string]string{}}
	port := map[bool]string{false: "80", true: "443"}[p.tls]
	authority := address.Host
	if address.Port() != "" {
		port = address.Port()
	}
	if _, err := fmt.Sscan(port, &p.port); err != nil {
		return probe{}, err
	}
	if r.Host != "" {
		authority = r.Host
	}
	if p.tls && !isAddress(p.name) {
		p.sni = p.name
	}
	p.path = address.EscapedPath()
	if p.path == "" {
		p.path = "/"
	}
	whole := p.path
	if address.RawQuery != "" || address.ForceQuery {
		whole += "?" + address.RawQuery
	}
	p.query = address.Query()
	for name, value := range r.Headers {
		p.headers[strings.ToLower(name)] = value
	}
	method := r.Method
	if method == "" {
		method = "GET"
	}
	p.headers[":authority"], p.headers[":method"] = authority, method
	p.headers[":path"], p.headers[":scheme"] = whole, address.Scheme
	return p, nil
}
