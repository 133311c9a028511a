// Generate writes sets of manifests and requests about the whole surface of routing, to be recorded.
//
//	go run ./generate -seed 1 -sets 15 [-family NAME,…] [-out FOLDER]
//
// The same seed makes the same sets. FOLDER gets sets/NAME.yaml for each set, and generated-FAMILY.json with the
// requests, of which nothing is known yet.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"resplit/tests/istiod/recorder/sets"
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

func main() {
	seed := flag.Int64("seed", 1, "the first set of each family has this seed, the next ones follow")
	count := flag.Int64("sets", 15, "sets of each family")
	only := flag.String("family", "", "these families alone, separated by commas")
	out := flag.String("out", "..", "the folder that is written to")
	flag.Parse()
	fail(os.MkdirAll(filepath.Join(*out, "sets"), 0o755))
	for _, family := range families {
		if *only != "" && !strings.Contains(","+*only+",", ","+family.name+",") {
			continue
		}
		var made []sets.Set
		for at := *seed; at < *seed+*count; at++ {
			world := newWorld(rand.New(rand.NewSource(at*1_000_003 + int64(len(family.name)))))
			family.make(world)
			one := sets.Set{Name: fmt.Sprintf("gen-%s-%d", family.name, at), Flags: world.flags, Requests: world.requests}
			fail(os.WriteFile(filepath.Join(*out, "sets", one.Name+".yaml"), world.manifests(), 0o644))
			made = append(made, one)
		}
		file := filepath.Join(*out, "generated-"+family.name+".json")
		fail(os.WriteFile(file, sets.Write(made), 0o644))
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
