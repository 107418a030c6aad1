// SPDX-License-Identifier: Apache-2.0

// A TLS client of Go's crypto/tls: standard input is sent, what is received goes to standard output.
package main

import (
	"crypto/tls"
	"io"
	"os"
)

func main() {
	version := uint16(tls.VersionTLS13)
	if os.Args[2] == "1.2" {
		version = tls.VersionTLS12
	}
	conn, err := tls.Dial("tcp", os.Args[1], &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         "rsa.example",
		MinVersion:         version,
		MaxVersion:         version,
	})
	if err != nil {
		panic(err)
	}
	go io.Copy(conn, os.Stdin)
	io.Copy(os.Stdout, conn)
}
