// SPDX-License-Identifier: Apache-2.0

// Go's own resolver, which asks without the C library, and a server of DNS over HTTPS by Go's HTTP/2.
//
//	asker visit HOST:PORT…    resolves and connects to each, whether somebody is there or not
//	asker serve RESOLVER      listens on loopback, says "listens on PORT", passes questions on by UDP, until its standard input ends
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"
)

const messageMax = 65535

func main() {
	var err error
	if len(os.Args) > 2 && os.Args[1] == "visit" {
		err = visit(os.Args[2:])
	} else if len(os.Args) == 3 && os.Args[1] == "serve" {
		err = serve(os.Args[2])
	} else {
		err = fmt.Errorf("asker visit HOST:PORT… | asker serve RESOLVER")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func visit(places []string) error {
	resolver := &net.Resolver{PreferGo: true, StrictErrors: true}
	for _, place := range places {
		host, port, err := net.SplitHostPort(place)
		if err != nil {
			return err
		}
		addresses, err := resolver.LookupHost(context.Background(), host)
		fmt.Println(host, addresses, err)
		for _, address := range addresses {
			if connection, err := net.Dial("tcp", net.JoinHostPort(address, port)); err == nil {
				connection.Close()
			}
		}
	}
	return nil
}

func serve(resolver string) error {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
		if r.Method == http.MethodPost {
			question, err = io.ReadAll(io.LimitReader(r.Body, messageMax))
		}
		if err == nil {
			question, err = pass(resolver, question)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/dns-message")
		w.Write(question)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	fmt.Printf("listens on %d\n", server.Listener.Addr().(*net.TCPAddr).Port)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func pass(resolver string, question []byte) ([]byte, error) {
	connection, err := net.Dial("udp", resolver)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := connection.Write(question); err != nil {
		return nil, err
	}
	answer := make([]byte, messageMax)
	n, err := connection.Read(answer)
	return answer[:n], err
}
