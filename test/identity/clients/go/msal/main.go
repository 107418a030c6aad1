// SPDX-License-Identifier: Apache-2.0

// MSAL for Go: asks for a token twice, and says what it holds.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

type held struct {
	Fingerprint string  `json:"fingerprint,omitempty"`
	Again       string  `json:"again,omitempty"`
	ExpiresAtS  int64   `json:"expiresAtS,omitempty"`
	Error       string  `json:"error,omitempty"`
	Ms          float64 `json:"ms"`
}

func identity() managedidentity.ID {
	if id := os.Getenv("MATRIX_CLIENT_ID"); id != "" {
		return managedidentity.UserAssignedClientID(id)
	}
	if id := os.Getenv("MATRIX_OBJECT_ID"); id != "" {
		return managedidentity.UserAssignedObjectID(id)
	}
	return managedidentity.SystemAssigned()
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func ask() (answer held, err error) {
	started := time.Now()
	defer func() { answer.Ms = max(answer.Ms, float64(time.Since(started).Microseconds())/1000) }()
	client, err := managedidentity.New(identity())
	if err != nil {
		return answer, err
	}
	token, err := client.AcquireToken(context.Background(), os.Getenv("MATRIX_RESOURCE"))
	if err != nil {
		return answer, err
	}
	answer.Fingerprint, answer.ExpiresAtS = digest(token.AccessToken), token.ExpiresOn.Unix()
	again, err := client.AcquireToken(context.Background(), os.Getenv("MATRIX_RESOURCE"))
	answer.Again = digest(again.AccessToken)
	return answer, err
}

func main() {
	answer, err := ask()
	if err != nil {
		answer.Error = err.Error()
	}
	if json.NewEncoder(os.Stdout).Encode(answer) != nil {
		os.Exit(1)
	}
}
