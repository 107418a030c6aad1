// SPDX-License-Identifier: Apache-2.0

// Reads a log that was exported as tiles with the libraries that witnesses and monitors use, and none of Sworn's code, and
// says how many things it found to be right. It ends with 1 at the first that is not.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
)

type inclusion struct {
	Index uint64   `json:"index"`
	Size  uint64   `json:"size"`
	Leaf  string   `json:"leaf"`
	Proof []string `json:"proof"`
}

type consistency struct {
	OldSize uint64   `json:"oldSize"`
	OldRoot string   `json:"oldRoot"`
	Size    uint64   `json:"size"`
	Proof   []string `json:"proof"`
}

type claims struct {
	Origin      string        `json:"origin"`
	Log         string        `json:"log"`
	Witness     string        `json:"witness"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func decode(text string) []byte { return must(base64.StdEncoding.DecodeString(text)) }

func decodeAll(texts []string) [][]byte {
	hashes := make([][]byte, len(texts))
	for i, text := range texts {
		hashes[i] = decode(text)
	}
	return hashes
}

func main() {
	ctx := context.Background()
	folder := os.Args[1]
	var said claims
	check(json.Unmarshal(must(os.ReadFile(filepath.Join(folder, "claims.json"))), &said))

	// The checkpoint, with the signature of the log and that of a witness.
	logKey := must(note.NewVerifier(said.Log))
	witnessKey := must(fnote.NewVerifierForCosignatureV1(said.Witness))
	files := client.FileFetcher{Root: folder}
	raw := must(files.ReadCheckpoint(ctx))
	checkpoint, _, signed, err := log.ParseCheckpoint(raw, said.Origin, logKey, witnessKey)
	check(err)
	if len(signed.Sigs) != 2 {
		check(fmt.Errorf("%d good signatures, not 2: %s", len(signed.Sigs), strings.TrimSpace(string(raw))))
	}

	// Every leaf out of the tiles, and a proof for each that this side builds.
	leaves := must(client.FetchLeafHashes(ctx, files.ReadTile, 0, checkpoint.Size, checkpoint.Size))
	builder := must(client.NewProofBuilder(ctx, checkpoint.Size, files.ReadTile))
	step := 1 + checkpoint.Size/200
	built := 0
	for index := uint64(0); index < checkpoint.Size; index += step {
		path := must(builder.InclusionProof(ctx, index))
		check(proof.VerifyInclusion(rfc6962.DefaultHasher, index, checkpoint.Size, leaves[index], path, checkpoint.Hash))
		built++
	}

	// What the other side claims to prove.
	for _, one := range said.Inclusion {
		if one.Size != checkpoint.Size || string(decode(one.Leaf)) != string(leaves[one.Index]) {
			check(fmt.Errorf("leaf %d of %d is not the one in the tiles", one.Index, one.Size))
		}
		check(proof.VerifyInclusion(rfc6962.DefaultHasher, one.Index, one.Size, decode(one.Leaf), decodeAll(one.Proof), checkpoint.Hash))
	}
	for _, one := range said.Consistency {
		check(proof.VerifyConsistency(rfc6962.DefaultHasher, one.OldSize, one.Size, decodeAll(one.Proof), decode(one.OldRoot), checkpoint.Hash))
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]int{
		"signatures": len(signed.Sigs), "leaves": len(leaves), "built": built,
		"inclusion": len(said.Inclusion), "consistency": len(said.Consistency),
	}))
}
