#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload: COUNT short-lived clients in a row, one request each, at RUNTIME_URL. PROGRAM is the Go client; copies of it
# that are new files go to PLACE.
#
#   first-bytes.sh COUNT PROGRAM PLACE
set -eu
count=$1
program=$2
place=$3
base=$RUNTIME_URL
number=0
while [ "$number" -lt "$count" ]; do
	case $((number % 3)) in
		0) curl -sSf --cacert "$RUNTIME_CA" -o /dev/null "$base/curl/$number?bytes=200" ;;
		1)
			run=$program
			if [ $((number % 10)) = 1 ]; then
				run=$place/client-$number
				cp "$program" "$run"
			fi
			RUNTIME_URL="$base/go/$number" "$run" one
			;;
		2)
			/usr/bin/python3 -c 'import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
urllib.request.urlopen(sys.argv[1], context=context).read()' "$base/python/$number?bytes=200" "$RUNTIME_CA"
			;;
	esac
	number=$((number + 1))
done
