// SPDX-License-Identifier: Apache-2.0

// What a controller does through client-go, with objects in protobuf: it makes, lists, watches, patches and deletes, and
// asks for what is not there and what it may not have.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	check(err)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	check(err)
	ctx := context.Background()
	maps := client.CoreV1().ConfigMaps("default")
	made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "go-"}, Data: map[string]string{"k": "v"}}, metav1.CreateOptions{FieldManager: "go-client"})
	check(err)
	watch, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: made.ResourceVersion, FieldSelector: "metadata.name=" + made.Name})
	check(err)
	made.Data["k"] = strings.Repeat("w", 5000)
	made, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	check(err)
	fmt.Println((<-watch.ResultChan()).Type)
	_, err = maps.Patch(ctx, made.Name, types.MergePatchType, []byte(`{"data":{"l":"m"}}`), metav1.PatchOptions{DryRun: []string{"All"}})
	check(err)
	check(maps.Delete(ctx, made.Name, metav1.DeleteOptions{}))
	fmt.Println((<-watch.ResultChan()).Type)
	watch.Stop()
	secret, err := client.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "from-go"}, StringData: map[string]string{"password": "planted-secret-go"}}, metav1.CreateOptions{})
	check(err)
	_, err = client.CoreV1().Secrets("default").List(ctx, metav1.ListOptions{})
	check(err)
	check(client.CoreV1().Secrets("default").Delete(ctx, secret.Name, metav1.DeleteOptions{}))
	_, err = maps.Get(ctx, "is-not-there", metav1.GetOptions{})
	fmt.Println(err)
	check(maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "made-by=nobody"}))
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: 2})
	check(err)
	fmt.Println(len(list.Items))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
