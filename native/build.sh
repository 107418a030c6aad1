#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the BPF object, its skeleton (the object as a C header), the addon that carries it, and the canary.
# Needs clang, bpftool, libbpf.a, libelf.a, libz.a; nothing of the running kernel.
set -eu
cd "$(dirname "$0")"
root=$(cd .. && pwd)

case $(uname -m) in
	x86_64) arch=x86 node=x64 ;;
	aarch64) arch=arm64 node=arm64 ;;
	*) echo "no BPF build for $(uname -m)" >&2; exit 2 ;;
esac
PATH=$PATH:/usr/sbin
mkdir -p out

# -mcpu=v3: 32-bit registers and atomics, known to every kernel that has bpf_loop (5.17).
flags="-g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$arch -I/usr/include/$(uname -m)-linux-gnu
	-Wall -Wextra -Werror -Wno-unused-parameter -Wno-gnu-variable-sized-type-not-at-end"
# The object with the shared maps first: the linker takes the place of a map from the first object that knows it.
objects=out/maps.o
for source in bpf/*.bpf.c; do
	object=out/$(basename "$source" .bpf.c).o
	# shellcheck disable=SC2086
	clang $flags -c "$source" -o "$object"
	[ "$object" = out/maps.o ] || [ "$object" = out/guard.o ] || objects="$objects $object"
done
# shellcheck disable=SC2086
bpftool gen object out/sworn.linked $objects
bpftool gen skeleton out/sworn.linked name sworn_bpf > out/sworn.skel.h
# The guard is loaded by itself, with the maps of the other: a kernel that refuses it still records.
bpftool gen object out/guard.linked out/maps.o out/guard.o
bpftool gen skeleton out/guard.linked name sworn_guard > out/guard.skel.h

"$root/bin/node" "$root/node_modules/node-gyp/bin/node-gyp.js" configure build \
	--nodedir="$root/node_modules/node-linux-$node" --loglevel=warn

# Exercises probes; no part of the addon, so that what it loads is in a process of its own.
cc -O2 -Wall -Wextra -Werror -std=gnu11 -Wl,-z,relro,-z,now -o build/Release/sworn-canary canary/canary.c -ldl
