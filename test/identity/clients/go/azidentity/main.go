// SPDX-License-Identifier: Apache-2.0

// azidentity: asks for a token twice, and says what it holds.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

type held struct {
	Fingerprint string  `json:"fingerprint,omitempty"`
	Again       string  `json:"again,omitempty"`
	ExpiresAtS  int64   `json:"expiresAtS,omitempty"`
	Error       string  `json:"error,omitempty"`
	Ms          float64 `json:"ms"`
}

func credential() (azcore.TokenCredential, error) {
	if os.Getenv("MATRIX_WAY") == "chain" {
		return azidentity.NewDefaultAzureCredential(nil)
	}
	if os.Getenv("MATRIX_CREDENTIAL") == "workload-identity" {
		return azidentity.NewWorkloadIdentityCredential(nil)
	}
	options := &azidentity.ManagedIdentityCredentialOptions{}
	if id := os.Getenv("MATRIX_CLIENT_ID"); id != "" {
		options.ID = azidentity.ClientID(id)
	} else if id := os.Getenv("MATRIX_OBJECT_ID"); id != "" {
		options.ID = azidentity.ObjectID(id)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func ask() (answer held, err error) {
	started := time.Now()
	defer func() { answer.Ms = max(answer.Ms, float64(time.Since(started).Microseconds())/1000) }()
	by, err := credential()
	if err != nil {
		return answer, err
	}
	options := policy.TokenRequestOptions{Scopes: []string{os.Getenv("MATRIX_RESOURCE") + "/.default"}}
	token, err := by.GetToken(context.Background(), options)
	if err != nil {
		return answer, err
	}
	answer.Fingerprint, answer.ExpiresAtS = digest(token.Token), token.ExpiresOn.Unix()
	again, err := by.GetToken(context.Background(), options)
	answer.Again = digest(again.Token)
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
