// SPDX-License-Identifier: Apache-2.0

// The other sides of tlog-witness, with the libraries of the public witness network and none of Sworn's code.
//
//	witness serve NAME LOGKEY...           cosigns these logs until it is ended; prints its address and its key line
//	witness log FOLDER URL WITNESSKEY N    a Tessera log that publishes what this witness has cosigned, N times;
//	                                       the first word of standard input is its secret key
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func main() {
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2], os.Args[3:])
	case "log":
		appendLog(os.Args[2], os.Args[3], os.Args[4], must(strconv.Atoi(os.Args[5])))
	case "key":
		secret, public, err := note.GenerateKey(rand.Reader, os.Args[2])
		check(err)
		check(json.NewEncoder(os.Stdout).Encode(map[string]string{"secret": secret, "public": public}))
	}
}

// What was last cosigned of each log.
type cosigner struct {
	sync.Mutex
	logs   map[string]note.Verifier
	last   map[string]*log.Checkpoint
	signer note.Signer
}

func serve(name string, lines []string) {
	secret, public, err := note.GenerateKey(rand.Reader, name)
	check(err)
	c := &cosigner{
		logs:   map[string]note.Verifier{},
		last:   map[string]*log.Checkpoint{},
		signer: must(fnote.NewSignerForCosignatureV1(secret)),
	}
	for _, line := range lines {
		key := must(note.NewVerifier(line))
		c.logs[key.Name()] = key
	}
	http.HandleFunc("POST /add-checkpoint", c.add)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"url": "http://" + listener.Addr().String(), "key": must(fnote.VKeyToCosignatureV1(public)),
	}))
	check(http.Serve(listener, nil))
}

func (c *cosigner) add(w http.ResponseWriter, r *http.Request) {
	c.Lock()
	defer c.Unlock()
	head, raw, found := bytes.Cut(must(io.ReadAll(r.Body)), []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	var oldSize uint64
	if n, err := fmt.Sscanf(lines[0], "old %d", &oldSize); !found || n != 1 || err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var path [][]byte
	for _, line := range lines[1:] {
		path = append(path, must(base64.StdEncoding.DecodeString(line)))
	}
	origin, _, _ := strings.Cut(string(raw), "\n")
	key, known := c.logs[origin]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	next, _, opened, err := log.ParseCheckpoint(raw, origin, key)
	if err != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	last := c.last[origin]
	if last == nil {
		last = &log.Checkpoint{Hash: rfc6962.DefaultHasher.EmptyRoot()}
	}
	if oldSize != last.Size {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintln(w, last.Size)
		return
	}
	if oldSize == next.Size && !bytes.Equal(last.Hash, next.Hash) {
		w.WriteHeader(http.StatusConflict)
		return
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, oldSize, next.Size, path, last.Hash, next.Hash); oldSize > 0 && err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	c.last[origin] = next
	signed := must(note.Sign(&note.Note{Text: opened.Text}, c.signer))
	w.Write(signed[len(opened.Text)+1:])
}

func appendLog(folder, address, witnessKey string, rounds int) {
	ctx := context.Background()
	words := bufio.NewScanner(os.Stdin)
	words.Scan()
	signer := must(note.NewSigner(words.Text()))
	witness := must(tessera.NewWitness(witnessKey, must(url.Parse(address))))
	driver := must(posix.New(ctx, posix.Config{Path: folder}))
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		WithBatching(300, 20*time.Millisecond).
		WithWitnesses(tessera.NewWitnessGroup(1, witness), &tessera.WitnessOptions{Timeout: 10 * time.Second})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
	for round := range rounds {
		var last tessera.IndexFuture
		for i := range 1 + 97*round {
			last = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "%d %d %d", os.Getpid(), round, i)))
		}
		index, raw, err := published.Await(ctx, last)
		check(err)
		opened := must(note.Open(raw, note.VerifierList(witness.Key)))
		check(json.NewEncoder(os.Stdout).Encode(map[string]any{
			"index": index.Index, "name": opened.Sigs[0].Name, "time": must(fnote.CoSigV1Timestamp(opened.Sigs[0])).Unix(),
		}))
	}
	check(shutdown(ctx))
}
