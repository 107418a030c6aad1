// SPDX-License-Identifier: Apache-2.0

// A stand-in for a kubelet: what a node has to serve so that exec, attach, port-forward, cp and logs work. The streams are
// those of the real kubelet's packages; commands are run for real, on this host, as whatever this program runs as.
//
//	kubelet-stand-in ADDRESS      prints the port that it listens on
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"
	protocols "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	serving "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const streamTimeout = 30 * time.Second

type node struct{}

func (node) ExecInContainer(ctx context.Context, _ string, _ types.UID, _ string, command []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	if tty {
		return onTerminal(cmd, in, out, resize)
	}
	if in != nil {
		// A pipe, so that the end of the command does not wait for the end of the input.
		pipe, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		go func() { io.Copy(pipe, in); pipe.Close() }()
	}
	if out != nil {
		cmd.Stdout = out
	}
	if errs != nil {
		cmd.Stderr = errs
	}
	return ended(cmd.Run())
}

func (n node) AttachContainer(ctx context.Context, name string, uid types.UID, container string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return n.ExecInContainer(ctx, name, uid, container, []string{"sh", "-c", "echo attached; cat"}, in, out, errs, tty, resize, 0)
}

func (node) PortForward(_ context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	inside, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer inside.Close()
	go func() { io.Copy(inside, stream); inside.(*net.TCPConn).CloseWrite() }()
	_, err = io.Copy(stream, inside)
	return err
}

func ended(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", exit.ExitCode()), Code: exit.ExitCode()}
	}
	return err
}

func onTerminal(cmd *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return err
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return err
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		slave.Close()
		return err
	}
	slave.Close()
	go func() {
		for size := range resize {
			unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
		}
	}()
	if in != nil {
		go io.Copy(master, in)
	}
	shown := make(chan struct{})
	go func() { io.Copy(out, master); close(shown) }()
	err = cmd.Wait()
	<-shown
	return ended(err)
}

func serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 3 {
		http.NotFound(w, r)
		return
	}
	query := r.URL.Query()
	switch kind, pod := parts[0], parts[2]; kind {
	case "exec", "attach":
		options, err := serving.NewOptions(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if kind == "attach" {
			serving.ServeAttach(w, r, node{}, pod, "", parts[3], options, streamTimeout, streamTimeout, protocols.SupportedStreamingProtocols)
			return
		}
		serving.ServeExec(w, r, node{}, pod, "", parts[3], query["command"], options, streamTimeout, streamTimeout, protocols.SupportedStreamingProtocols)
	case "portForward":
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, node{}, pod, "", options, streamTimeout, streamTimeout, portforward.SupportedProtocols)
	case "containerLogs":
		fmt.Fprintf(w, "first line of %s\nsecond line\n", pod)
	default:
		http.NotFound(w, r)
	}
}

func main() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	listener, err := net.Listen("tcp", os.Args[1])
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	check(http.Serve(tls.NewListener(listener, config), http.HandlerFunc(serve)))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
