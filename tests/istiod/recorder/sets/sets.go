// Package sets is the recorded files: where requests come from, the requests, and what they get.
package sets

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Set is one line of a recorded file.
type Set struct {
	Name     string    `json:"name"`
	Flags    []string  `json:"flags"`
	Refused  []string  `json:"refused"`
	Requests []Request `json:"requests"`
}

// Request is as resplit is asked about it.
type Request struct {
	URL        string            `json:"url"`
	Host       string            `json:"host,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Method     string            `json:"method,omitempty"`
	H2C        bool              `json:"h2c,omitempty"`
	Programmed map[string]string `json:"programmed"`
}

// Read is the sets of a file.
func Read(text []byte) ([]Set, error) {
	var sets []Set
	if err := json.Unmarshal(text, &sets); err != nil {
		return nil, err
	}
	return sets, nil
}

// Line is the set on one line, spaced as the recorded files are.
func (s Set) Line() string {
	if s.Refused == nil {
		s.Refused = []string{}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		// Texts, lists and maps of texts can be written.
		panic(err)
	}
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

// Write is the text of a file.
func Write(sets []Set) []byte {
	lines := make([]string, 0, len(sets))
	for _, one := range sets {
		lines = append(lines, one.Line())
	}
	return []byte("[\n" + strings.Join(lines, ",\n") + "\n]\n")
}

// Flag is the value of an option, or nothing.
func (s Set) Flag(name string) (string, bool) {
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

// Labels are those of --from-labels.
func (s Set) Labels() map[string]string {
	text, _ := s.Flag("--from-labels")
	labels := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		if key, value, found := strings.Cut(pair, "="); found {
			labels[key] = value
		}
	}
	return labels
}
