// Live is Istio's own control plane on loopback. It programs each Envoy that connects with the manifests of a folder, and pushes
// what changes there.
//
//	go run ./live [-listen ADDRESS] [-limit DURATION] FOLDER
//
// It says `listening on ADDRESS` once it takes connections, `refused OBJECT` for what a cluster would refuse, and `applied OBJECT`
// or `deleted OBJECT` for what changed, one a line. It ends after the time limit, whatever happens.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/test"

	"resplit/tests/istiod/recorder/admission"
	"resplit/tests/istiod/recorder/process"
)

// again is the pause between two looks at the folder.
const again = 50 * time.Millisecond

func main() {
	// Extensions of Istio's own proxy are not in a stock Envoy.
	process.With("PILOT_ENABLE_METADATA_EXCHANGE=false", "PILOT_ENABLE_ALPN_FILTER=false")
	listen := flag.String("listen", "127.0.0.1:0", "where it takes connections")
	limit := flag.Duration("limit", 10*time.Minute, "how long it runs")
	flag.Parse()
	if flag.NArg() != 1 {
		process.Fail(fmt.Errorf("one folder of manifests is expected, and %d are given", flag.NArg()))
	}
	time.AfterFunc(*limit, func() {
		fmt.Printf("ended after %v\n", *limit)
		os.Exit(0)
	})
	process.Prepare()
	admission, err := admission.New()
	process.Fail(err)
	process.Fail(serve(folder{path: flag.Arg(0), admission: admission}, *listen))
}

// serve runs until something fails.
func serve(from folder, address string) error {
	objects, err := from.read()
	if err != nil {
		return err
	}
	options, err := objects.options()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	options.ListenerBuilder = func() (net.Listener, error) { return listener, nil }
	var failed error
	err = test.Wrap(func(t test.Failer) {
		server := xds.NewFakeDiscoveryServer(t, options)
		fmt.Println("listening on", listener.Addr())
		for failed == nil {
			time.Sleep(again)
			var now contents
			if now, failed = from.read(); failed == nil {
				failed = objects.become(now, server.Store())
				objects = now
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}
