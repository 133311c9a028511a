// Package process is what every program here does at its start and at its end.
package process

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"istio.io/istio/pkg/config/schema/gatewayapi"
	"istio.io/istio/pkg/log"
)

// With starts the program again with these settings where it has others: the control plane reads them when it starts.
func With(settings ...string) {
	missing := false
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		missing = missing || os.Getenv(name) != value
	}
	if !missing {
		return
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, append(os.Environ(), settings...))
	}
	Fail(err)
}

// Prepare lets the control plane speak of errors only, and use kinds of the Gateway API without asking for their versions: the
// fake cluster has none.
func Prepare() {
	options := log.DefaultOptions()
	options.SetDefaultOutputLevel(log.OverrideScopeName, log.NoneLevel)
	Fail(log.Configure(options))
	clear(gatewayapi.MinimumCRDVersions)
}

// Fail ends the program where there is an error.
func Fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}
