// Recorder asks Istio's own control plane what it programs for the sets of ../*.json, and writes the answers there.
//
//	go run . [-only NAME,…] [-check] [FILE.json …]
//
// Each line of a file names a set: its manifests are sets/NAME.yaml beside the file. With -check nothing is written:
// what differs from the file is printed, and the exit code is 1.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"istio.io/istio/pkg/config/schema/gatewayapi"
	"istio.io/istio/pkg/log"
)

func main() {
	// The control plane reads this when the program starts; without it there are no waypoints.
	const ambient = "PILOT_ENABLE_AMBIENT"
	if os.Getenv(ambient) == "" {
		self, err := os.Executable()
		if err == nil {
			err = syscall.Exec(self, os.Args, append(os.Environ(), ambient+"=true"))
		}
		fail(err)
	}
	only := flag.String("only", "", "record these sets alone, separated by commas")
	check := flag.Bool("check", false, "print what differs, and write nothing")
	flag.Parse()
	quiet()
	// The fake cluster has its kinds without versions.
	clear(gatewayapi.MinimumCRDVersions)
	files := flag.Args()
	if len(files) == 0 {
		var err error
		files, err = filepath.Glob("../*.json")
		fail(err)
	}
	admission, err := newAdmission()
	fail(err)
	differs := false
	for _, file := range files {
		changed, err := recordFile(admission, file, names(*only), *check)
		fail(err)
		differs = differs || changed
	}
	if *check && differs {
		os.Exit(1)
	}
}

// names is empty where every set is meant.
func names(list string) map[string]bool {
	chosen := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		if name != "" {
			chosen[name] = true
		}
	}
	return chosen
}

func recordFile(admission *admission, file string, only map[string]bool, check bool) (bool, error) {
	before, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	sets, err := readSets(before)
	if err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	changed := false
	for index := range sets {
		set := &sets[index]
		if len(only) > 0 && !only[set.Name] {
			continue
		}
		old := set.line()
		manifests, err := os.ReadFile(filepath.Join(filepath.Dir(file), "sets", set.Name+".yaml"))
		if err != nil {
			return false, err
		}
		if err := record(admission, set, manifests); err != nil {
			return false, fmt.Errorf("%s: %w", set.Name, err)
		}
		if now := set.line(); now != old {
			changed = true
			if check {
				fmt.Printf("- %s\n+ %s\n", old, now)
			}
		}
	}
	after := writeSets(sets)
	if check || bytes.Equal(before, after) {
		return changed, nil
	}
	return changed, os.WriteFile(file, after, 0o644)
}

// quiet lets the control plane speak of errors only.
func quiet() {
	options := log.DefaultOptions()
	options.SetDefaultOutputLevel(log.OverrideScopeName, log.NoneLevel)
	fail(log.Configure(options))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}
