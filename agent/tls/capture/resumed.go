// SPDX-License-Identifier: Apache-2.0

// Both ends of a session of TLS 1.2 in Go, which writes a key log in full handshakes only:
//
//	resumed LISTEN-PORT CONNECT-ADDRESS
//
// Three connections, one after the other: the first begins the session, the second resumes it and is given a new ticket,
// the third resumes by that. A line of JSON tells of each what both ends received.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
)

type connection struct {
	Client, Server []byte
	Suite          string
	Resumed        bool
	KeyLog         []string
}

func main() {
	certificate, err := tls.LoadX509KeyPair("rsa.crt", "rsa.key")
	must(err)
	var keyLog bytes.Buffer
	serverConfig := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MaxVersion:   tls.VersionTLS12,
		KeyLogWriter: &keyLog,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	must(err)
	clientConfig := &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         "rsa.example",
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
	for i := range 3 {
		keyLog.Reset()
		question := []byte(strings.Repeat("a question\n", 20+i))
		answer := []byte(strings.Repeat("the answer\n", 100+i))
		heard := make(chan connection)
		go func() {
			socket, err := listener.Accept()
			must(err)
			server := tls.Server(socket, serverConfig)
			received := make([]byte, len(question))
			_, err = io.ReadFull(server, received)
			must(err)
			_, err = server.Write(answer)
			must(err)
			state := server.ConnectionState()
			heard <- connection{Client: received, Suite: tls.CipherSuiteName(state.CipherSuite), Resumed: state.DidResume}
			server.Close()
		}()
		client, err := tls.Dial("tcp", os.Args[2], clientConfig)
		must(err)
		_, err = client.Write(question)
		must(err)
		said := <-heard
		said.Server, err = io.ReadAll(client)
		must(err)
		client.Close()
		for line := range strings.Lines(keyLog.String()) {
			said.KeyLog = append(said.KeyLog, strings.TrimSpace(line))
		}
		must(json.NewEncoder(os.Stdout).Encode(said))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
