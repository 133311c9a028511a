// Generate writes sets of manifests and requests about the whole surface of routing, to be recorded.
//
//	go run ./generate -seed 1 -sets 15 [-family NAME,…] [-out FOLDER]
//
// The same seed makes the same sets. FOLDER gets sets/NAME.yaml for each set, and generated-FAMILY.json with the
// requests, of which nothing is known yet.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// families are the parts of the surface, each with its maker of one set.
var families = []struct {
	name string
	make func(*world)
}{
	{"matches", matches},
	{"owners", owners},
	{"delegates", delegates},
	{"subsets", subsets},
	{"ports", ports},
	{"entries", entries},
	{"sidecars", sidecars},
	{"connections", connections},
	{"gateways", gateways},
	{"routes", routes},
	{"meshroutes", meshRoutes},
	{"waypoints", waypoints},
}

type object = map[string]any

type list = []any

// request is one line of a recorded file without its answer.
type request struct {
	URL        string            `json:"url"`
	Host       string            `json:"host,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Method     string            `json:"method,omitempty"`
	H2C        bool              `json:"h2c,omitempty"`
	Programmed map[string]string `json:"programmed"`
}

type set struct {
	Name     string    `json:"name"`
	Flags    []string  `json:"flags"`
	Refused  []string  `json:"refused"`
	Requests []request `json:"requests"`
}

func main() {
	seed := flag.Int64("seed", 1, "the first set of each family has this seed, the next ones follow")
	sets := flag.Int64("sets", 15, "sets of each family")
	only := flag.String("family", "", "these families alone, separated by commas")
	out := flag.String("out", "..", "the folder that is written to")
	flag.Parse()
	fail(os.MkdirAll(filepath.Join(*out, "sets"), 0o755))
	for _, family := range families {
		if *only != "" && !strings.Contains(","+*only+",", ","+family.name+",") {
			continue
		}
		var lines []string
		for at := *seed; at < *seed+*sets; at++ {
			world := newWorld(rand.New(rand.NewSource(at*1_000_003 + int64(len(family.name)))))
			family.make(world)
			one := set{fmt.Sprintf("gen-%s-%d", family.name, at), world.flags, []string{}, world.requests}
			fail(os.WriteFile(filepath.Join(*out, "sets", one.Name+".yaml"), world.manifests(), 0o644))
			line, err := json.Marshal(one)
			fail(err)
			lines = append(lines, string(line))
		}
		file := filepath.Join(*out, "generated-"+family.name+".json")
		fail(os.WriteFile(file, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644))
	}
}

// manifests is the objects as one text.
func (w *world) manifests() []byte {
	var texts [][]byte
	for _, one := range w.objects {
		text, err := yaml.Marshal(one)
		fail(err)
		texts = append(texts, text)
	}
	return bytes.Join(texts, []byte("---\n"))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}
