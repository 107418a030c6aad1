// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package programs pins what the suite builds of Kubernetes: kube-apiserver and kubectl.
package programs

import (
	_ "k8s.io/kubectl/pkg/cmd"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
)
