#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds what the suite runs: kube-apiserver and kubectl, stripped as they are shipped, the programs of the suite, and etcd
# out of Debian's package (which would start a service). Takes some seven minutes on two cores, once; needs Go 1.24 or newer.
#
#   test/kubernetes/build.sh [FOLDER]     default: .setup/kubernetes
set -eu
cd "$(dirname "$0")"
out=${1:-../../.setup/kubernetes}
mkdir -p "$out"
out=$(cd "$out" && pwd)
go=$(command -v go || echo /usr/local/go/bin/go)
version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' programs/go.mod | head -n 1)
named=k8s.io/component-base/version
flags="-s -w -X $named.gitVersion=$version -X $named.gitMajor=1 -X $named.gitMinor=$(echo "$version" | cut -d. -f2)"

want=$(cat build.sh programs/go.mod programs/*/*.go 2>/dev/null | sha256sum | cut -d' ' -f1)
[ "$(cat "$out/stamp" 2>/dev/null || true)" != "$want" ] || exit 0
cd programs
for program in kubectl kube-apiserver; do
	echo "building $program $version" >&2
	"$go" build -p 2 -ldflags "$flags" -o "$out/$program" "k8s.io/kubernetes/cmd/$program"
done
for program in */main.go; do
	[ -e "$program" ] || continue
	echo "building ${program%/main.go}" >&2
	"$go" build -p 2 -ldflags '-s -w' -o "$out/${program%/main.go}" "./${program%/main.go}"
done
if [ ! -x "$out/etcd" ]; then
	work=$(mktemp -d)
	# apt-get download fetches as a user of its own, who must get in.
	chmod 755 "$work"
	(cd "$work" && apt-get download -q etcd-server && dpkg -x etcd-server_*.deb files)
	cp "$work/files/usr/bin/etcd" "$out/etcd"
	rm -rf "$work"
fi
if [ ! -d "$out/python/kubernetes" ]; then
	echo "fetching the Python client" >&2
	python3 -m pip install --quiet --only-binary :all: --target "$out/python" kubernetes==33.1.0
fi
echo "$want" >"$out/stamp"
