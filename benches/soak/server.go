// A net/http server on loopback for benches/soak.sh: HTTP/1.1 and HTTP/2 without TLS on the first port, both within TLS on the
// second. Idle connections are closed after 50 ms. It ends with its standard input.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	handler := http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		response.Header().Set("x-version", "v1")
		io.WriteString(response, "v1\n")
	})
	serve := func(address string, encrypted bool) {
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{
			Addr: address, Handler: handler, Protocols: &protocols, IdleTimeout: 50 * time.Millisecond,
			ErrorLog: log.New(io.Discard, "", 0),
		}
		if encrypted {
			log.Fatal(server.ListenAndServeTLS(os.Args[3], os.Args[4]))
		}
		log.Fatal(server.ListenAndServe())
	}
	go serve(os.Args[1], false)
	go serve(os.Args[2], true)
	io.Copy(io.Discard, os.Stdin)
}
