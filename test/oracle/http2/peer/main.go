// SPDX-License-Identifier: Apache-2.0

// Go's HTTP/2, cleartext, as client and as server; the server takes Upgrade: h2c, too. It writes a JSON object a request.
//
//	peer serve LOG        listens on loopback, says "listens on PORT", until its standard input ends
//	peer ask URL COUNT    so many requests at a time, each with a body that comes back
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		err = serve(os.Args[2])
	} else if len(os.Args) == 4 && os.Args[1] == "ask" {
		err = ask(os.Args[2], os.Args[3])
	} else {
		err = fmt.Errorf("peer serve LOG | peer ask URL COUNT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(path string) error {
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var lock sync.Mutex
	answer := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		reply := append([]byte("you said "), body...)
		w.Write(reply)
		w.Header().Set("X-Sum", sum(reply))
		lock.Lock()
		defer lock.Unlock()
		json.NewEncoder(log).Encode(map[string]any{
			"protocol": r.Proto, "method": r.Method, "path": r.URL.RequestURI(), "text": r.Header.Get("X-Text"),
			"requestSha256": sum(body), "responseSha256": sum(reply),
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h2c.NewHandler(http.HandlerFunc(answer), &http2.Server{})}
	go server.Serve(listener)
	fmt.Printf("listens on %d\n", listener.Addr().(*net.TCPAddr).Port)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func ask(url, count string) error {
	number, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: transport}
	failures := make(chan error, number)
	for n := range number {
		go func() {
			body := bytes.Repeat([]byte("body "+strconv.Itoa(n)+" "), 1+n*40)
			request, _ := http.NewRequest("POST", url+"/go/"+strconv.Itoa(n)+"?echo", bytes.NewReader(body))
			request.Header.Set("X-Text", "number "+strconv.Itoa(n%5))
			response, err := client.Do(request)
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			failures <- err
		}()
	}
	for range number {
		if err := <-failures; err != nil {
			return err
		}
	}
	client.CloseIdleConnections()
	return nil
}

func sum(text []byte) string {
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}
