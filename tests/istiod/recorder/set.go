package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"sort"
	"strings"
)

// set is one line of a recorded file: where requests come from, the requests, and what they get.
type set struct {
	Name     string    `json:"name"`
	Flags    []string  `json:"flags"`
	Refused  []string  `json:"refused"`
	Requests []request `json:"requests"`
}

// request is as resplit is asked about it.
type request struct {
	URL        string            `json:"url"`
	Host       string            `json:"host,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Method     string            `json:"method,omitempty"`
	H2C        bool              `json:"h2c,omitempty"`
	Programmed map[string]string `json:"programmed"`
}

// shares are exact fractions of one by target, such as "status 404".
type shares map[string]*big.Rat

func (s shares) add(target string, share *big.Rat) {
	if share.Sign() == 0 {
		return
	}
	if s[target] == nil {
		s[target] = new(big.Rat)
	}
	s[target].Add(s[target], share)
}

func (s shares) written() map[string]string {
	out := map[string]string{}
	for target, share := range s {
		out[target] = share.RatString()
	}
	return out
}

func readSets(text []byte) ([]set, error) {
	var sets []set
	if err := json.Unmarshal(text, &sets); err != nil {
		return nil, err
	}
	return sets, nil
}

// line is the set on one line, spaced as the recorded files are.
func (s set) line() string {
	if s.Refused == nil {
		s.Refused = []string{}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	fail(encoder.Encode(s))
	return spaced(strings.TrimSpace(out.String()))
}

// spaced puts a space behind each comma and colon outside of strings.
func spaced(text string) string {
	var out strings.Builder
	inside, escaped := false, false
	for _, letter := range text {
		out.WriteRune(letter)
		switch {
		case escaped:
			escaped = false
		case inside && letter == '\\':
			escaped = true
		case letter == '"':
			inside = !inside
		case !inside && (letter == ',' || letter == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String()
}

func writeSets(sets []set) []byte {
	lines := make([]string, 0, len(sets))
	for _, one := range sets {
		lines = append(lines, one.line())
	}
	return []byte("[\n" + strings.Join(lines, ",\n") + "\n]\n")
}

// flag is the value of an option, or nothing.
func (s set) flag(name string) (string, bool) {
	for index, one := range s.Flags {
		if one == name {
			if index+1 < len(s.Flags) && !strings.HasPrefix(s.Flags[index+1], "--") {
				return s.Flags[index+1], true
			}
			return "", true
		}
	}
	return "", false
}

// labels are those of --from-labels.
func (s set) labels() map[string]string {
	text, _ := s.flag("--from-labels")
	labels := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		if key, value, found := strings.Cut(pair, "="); found {
			labels[key] = value
		}
	}
	return labels
}

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

func (r request) probe() (probe, error) {
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

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
