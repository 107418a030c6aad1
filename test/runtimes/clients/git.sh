#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload: git over HTTPS. One request that reads the references; or a clone of more than 100 KiB and a push of more
# than 16 KiB.
#
#   git.sh one|several
set -eu
export GIT_SSL_CAINFO="$RUNTIME_CA" GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
if [ "$1" = one ]; then
	exec git ls-remote -q "$RUNTIME_URL/git/things" >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work"
git clone -q "$RUNTIME_URL/git/things" "$work/things"
cd "$work/things"
# Random, so that it is sent as large as it is.
head -c 40000 /dev/urandom >more
git add more
git -c user.name=tests -c user.email=tests@localhost commit -q -m more
git push -q origin HEAD:refs/heads/more
