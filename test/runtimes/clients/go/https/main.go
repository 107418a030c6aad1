// SPDX-License-Identifier: Apache-2.0

// A workload: net/http of Go. What it asks for stands in README.md.
//
//	https one | several
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	if err := run(os.Args[1] == "one"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(isOne bool) error {
	url := os.Getenv("RUNTIME_URL")
	authorities := x509.NewCertPool()
	authority, err := os.ReadFile(os.Getenv("RUNTIME_CA"))
	if err != nil {
		return err
	}
	authorities.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{
			RootCAs:            authorities,
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
		},
		ForceAttemptHTTP2: true,
	}}
	if isOne {
		return ask(client, http.MethodGet, url+"/one?bytes=200", nil)
	}
	body, err := os.ReadFile(os.Getenv("RUNTIME_BODY"))
	if err != nil {
		return err
	}
	if err := ask(client, http.MethodGet, url+"/small?bytes=300", nil); err != nil {
		return err
	}
	if err := ask(client, http.MethodPost, url+"/upload?bytes=17", body); err != nil {
		return err
	}
	if err := ask(client, http.MethodGet, url+"/large?bytes=150000&framing=until-close&parts=10", nil); err != nil {
		return err
	}
	return ask(client, http.MethodGet, url+"/last?bytes=1000", nil)
}

func ask(client *http.Client, method string, url string, body []byte) error {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
