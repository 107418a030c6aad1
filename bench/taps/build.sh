#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds ssl_taps, which bench/tls.ts compares with. Needs what native/build.sh needs.
set -eu
cd "$(dirname "$0")"
case $(uname -m) in
	x86_64) arch=x86 ;;
	aarch64) arch=arm64 ;;
	*) echo "no BPF build for $(uname -m)" >&2; exit 2 ;;
esac
PATH=$PATH:/usr/sbin
mkdir -p out
clang -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$arch "-I/usr/include/$(uname -m)-linux-gnu" \
	-Wall -Wextra -Werror -Wno-unused-parameter -c ssl_taps.bpf.c -o out/ssl_taps.bpf.o
bpftool gen skeleton out/ssl_taps.bpf.o name ssl_taps_bpf > out/ssl_taps.skel.h
clang -O2 -Wall -Wextra -Werror -Wno-unused-parameter -Iout ssl_taps.c -o out/ssl_taps -l:libbpf.a -lelf -lz
