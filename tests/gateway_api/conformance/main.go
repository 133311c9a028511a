// Conformance asks `resplit explain` where the requests of the Gateway API's own conformance tests go.
//
//	go run . RESPLIT [IMPLEMENTATION]
//
// The module is downloaded to the cache of Go, and nothing of it is kept here: its manifests are read there, and the
// requests with what is expected of them out of the source of its tests.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "sigs.k8s.io/gateway-api/conformance@v1.6.0"

// elsewhere is what the tests are about that is no question of where a request goes.
var elsewhere = []string{
	"backendtlspolicy", "gateway-tls", "gateway-with-client", "gateway-invalid", "httproute-cors",
	"httproute-retry", "httproute-timeout", "udproute",
}

// without are requests of which the source does not say everything.
var without = map[string]bool{
	// The grant is deleted before.
	"httproute-reference-grant.go:76": true,
}

const service = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/"

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: go run . RESPLIT [IMPLEMENTATION]"))
	}
	text, err := exec.Command("go", "mod", "download", "-json", module).Output()
	fail(err)
	var downloaded struct{ Dir string }
	fail(json.Unmarshal(text, &downloaded))
	counts, differs := map[string]int{}, false
	for _, folder := range []string{"tests", "tests/mesh"} {
		all, err := cases(downloaded.Dir, folder)
		fail(err)
		for _, one := range all {
			result, detail := one.judged(downloaded.Dir, folder, os.Args[1:])
			counts[result]++
			if result == "differ" {
				differs = true
				fmt.Printf("%s:%d %s\n", one.file, one.line, detail)
			}
		}
	}
	for _, result := range []string{"agree", "differ", "not about routing", "not said by the source"} {
		fmt.Printf("%s: %d\n", result, counts[result])
	}
	if differs || counts["agree"] == 0 {
		os.Exit(1)
	}
}

// judged is what comes of a request, with what is to be said where that is not what is expected.
func (one testCase) judged(dir, folder string, options []string) (string, string) {
	for _, prefix := range elsewhere {
		if strings.HasPrefix(one.file, prefix) {
			return "not about routing", ""
		}
	}
	if without[fmt.Sprintf("%s:%d", one.file, one.line)] {
		return "not said by the source", ""
	}
	manifest := filepath.Join(dir, folder, strings.TrimSuffix(one.file, ".go")+".yaml")
	request, said := one.said["Request"].(values)
	if _, err := os.Stat(manifest); err != nil || (!said && !one.grpc) {
		return "not said by the source", ""
	}
	if !written(request) || !written(one.said["Response"]) {
		return "not said by the source", ""
	}
	base := "base/manifests.yaml"
	if one.mesh {
		base = "mesh/manifests.yaml"
	}
	gateways := one.gateways
	if len(gateways) == 0 {
		gateways = []string{"same-namespace"}
	}
	var answers []string
	for _, gateway := range gateways {
		args := []string{"explain", "-o", "json", "-f", filepath.Join(dir, base), "-f", manifest}
		args = append(args, one.asked(request, gateway)...)
		if len(options) > 1 {
			args = append(args, "--implementation", options[1])
		}
		targets := explained(options[0], args)
		if one.fits(targets) {
			return "agree", ""
		}
		answers = append(answers, fmt.Sprintf("%v of %s", targets, strings.Join(args[7:], " ")))
	}
	return "differ", fmt.Sprintf("expects %v %v, explained %s", one.said["Backend"], one.said["Response"], strings.Join(answers, ", "))
}

// written tells whether nothing of a value is computed.
func written(value any) bool {
	switch one := value.(type) {
	case values:
		for _, field := range one {
			if field == nil || !written(field) {
				return false
			}
		}
	case []any:
		for _, item := range one {
			if item == nil || !written(item) {
				return false
			}
		}
	}
	return true
}

func text(from values, key string) string {
	found, _ := from[key].(string)
	return found
}

// asked is the request as options of resplit.
func (one testCase) asked(request values, gateway string) []string {
	host, path, method := text(request, "Host"), text(request, "Path"), text(request, "Method")
	headers, _ := request["Headers"].(values)
	if one.grpc {
		metadata, _ := one.said["RequestMetadata"].(values)
		host, method, path = text(metadata, "Authority"), "POST", service+one.call()
		headers, _ = metadata["Metadata"].(values)
	}
	if path == "" {
		path = "/"
	}
	if host == "" && one.mesh {
		host = "echo"
	} else if host == "" {
		host = "gateway"
	}
	var args []string
	name, scheme := text(request, "SNI"), "http"
	if name != "" || strings.Contains(one.file, "tlsroute") {
		scheme = "https"
	}
	if one.mesh {
		from := text(one.said, "Namespace")
		if from == "" {
			from = "gateway-conformance-mesh"
		}
		args = append(args, "--from-namespace", from)
	} else {
		args = append(args, "--gateway", "gateway-conformance-infra/"+gateway)
	}
	if name != "" && name != host {
		args = append(args, "--host", host)
		host = name
	}
	for key, value := range headers {
		args = append(args, "-H", fmt.Sprintf("%s: %v", key, value))
	}
	if method != "" {
		args = append(args, "-m", method)
	}
	return append(args, scheme+"://"+host+path)
}

// call is the gRPC method.
func (one testCase) call() string {
	for _, name := range []string{"EchoTwo", "EchoThree"} {
		if _, asked := one.said[name+"Request"]; asked {
			return name
		}
	}
	return "Echo"
}

// explained is the targets of the answer.
func explained(resplit string, args []string) []string {
	var stdout, stderr bytes.Buffer
	command := exec.Command(resplit, args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return []string{fmt.Sprintf("%v: %.150s", err, stderr.String())}
	}
	var told struct {
		Expected *struct{ Shares []struct{ Target string } }
	}
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil || told.Expected == nil {
		return nil
	}
	var targets []string
	for _, share := range told.Expected.Shares {
		targets = append(targets, share.Target)
	}
	return targets
}

// fits tells whether an answer has the status that is expected, or else the backend.
func (one testCase) fits(targets []string) bool {
	response, _ := one.said["Response"].(values)
	codes, _ := response["StatusCodes"].([]any)
	if code, ok := response["StatusCode"]; ok {
		codes = append(codes, code)
	}
	status := 0
	if len(codes) > 0 {
		status, _ = codes[0].(int)
	}
	backend := text(one.said, "Backend")
	_, redirect := one.said["RedirectRequest"]
	switch {
	case status == 0 && redirect:
		status = 302
	case one.grpc && !slices.Contains([]string{"", "OK"}, text(response, "Code")):
		status = 404
	}
	for _, target := range targets {
		switch {
		case status >= 300:
			for _, code := range append(codes, status) {
				if target == fmt.Sprintf("status %v", code) {
					return true
				}
			}
		case backend != "":
			if target == backend || strings.HasPrefix(target, backend+".") {
				return true
			}
		default:
			return !strings.HasPrefix(target, "status")
		}
	}
	return false
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
