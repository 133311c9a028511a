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

	"resplit/tests/istiod/recorder/admission"
	"resplit/tests/istiod/recorder/process"
	"resplit/tests/istiod/recorder/sets"
)

func main() {
	// Without it there are no waypoints.
	process.With("PILOT_ENABLE_AMBIENT=true")
	only := flag.String("only", "", "record these sets alone, separated by commas")
	check := flag.Bool("check", false, "print what differs, and write nothing")
	flag.Parse()
	process.Prepare()
	files := flag.Args()
	if len(files) == 0 {
		var err error
		files, err = filepath.Glob("../*.json")
		process.Fail(err)
	}
	admission, err := admission.New()
	process.Fail(err)
	differs := false
	for _, file := range files {
		changed, err := recordFile(admission, file, names(*only), *check)
		process.Fail(err)
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

func recordFile(admission *admission.Admission, file string, only map[string]bool, check bool) (bool, error) {
	before, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	all, err := sets.Read(before)
	if err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	changed := false
	for index := range all {
		set := &all[index]
		if len(only) > 0 && !only[set.Name] {
			continue
		}
		old := set.Line()
		manifests, err := os.ReadFile(filepath.Join(filepath.Dir(file), "sets", set.Name+".yaml"))
		if err != nil {
			return false, err
		}
		if err := record(admission, set, manifests); err != nil {
			return false, fmt.Errorf("%s: %w", set.Name, err)
		}
		if now := set.Line(); now != old {
			changed = true
			if check {
				fmt.Printf("- %s\n+ %s\n", old, now)
			}
		}
	}
	after := sets.Write(all)
	if check || bytes.Equal(before, after) {
		return changed, nil
	}
	return changed, os.WriteFile(file, after, 0o644)
}
