// SPDX-License-Identifier: Apache-2.0

// Runs a command over SSH by golang.org/x/crypto/ssh: ssh-client PORT CIPHER KEY-FILE COMMAND; no key, no login.
package main

import (
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
)

func main() {
	config := &ssh.ClientConfig{User: "root", HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	config.Ciphers = []string{os.Args[2]}
	if os.Args[3] != "" {
		text, err := os.ReadFile(os.Args[3])
		end(err)
		signer, err := ssh.ParsePrivateKey(text)
		end(err)
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	}
	client, err := ssh.Dial("tcp", "127.0.0.1:"+os.Args[1], config)
	end(err)
	session, err := client.NewSession()
	end(err)
	output, err := session.Output(os.Args[4])
	end(err)
	fmt.Print(string(output))
	client.Close()
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
