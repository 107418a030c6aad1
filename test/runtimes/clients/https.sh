#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload: HTTPS clients that are programs. What it asks for stands in README.md.
#
#   https.sh curl|wget|gnutls-cli|s_client one|several
set -eu
client=$1
life=$2
host=${RUNTIME_URL#*://}
host=${host%%/*}
path=/${RUNTIME_URL##*/}

# Raw requests, for programs that speak TLS and no HTTP. The last one has the server end the connection.
requests() {
	if [ "$life" = one ]; then
		printf 'GET %s/one?bytes=200 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host"
		return
	fi
	printf 'GET %s/small?bytes=300 HTTP/1.1\r\nHost: %s\r\n\r\n' "$path" "$host"
	printf 'POST %s/upload?bytes=17 HTTP/1.1\r\nHost: %s\r\nContent-Length: %s\r\n\r\n' "$path" "$host" \
		"$(wc -c <"$RUNTIME_BODY")"
	cat "$RUNTIME_BODY"
	printf 'GET %s/large?bytes=150000&framing=chunked&parts=10 HTTP/1.1\r\nHost: %s\r\n\r\n' "$path" "$host"
	printf 'GET %s/last?bytes=1000 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host"
}

case $client-$life in
	curl-one) exec curl -sSf --cacert "$RUNTIME_CA" -o /dev/null "$RUNTIME_URL/one?bytes=200" ;;
	curl-several)
		exec curl -sSf --cacert "$RUNTIME_CA" -o /dev/null "$RUNTIME_URL/small?bytes=300" \
			--next -sSf --cacert "$RUNTIME_CA" -o /dev/null --data-binary "@$RUNTIME_BODY" "$RUNTIME_URL/upload?bytes=17" \
			--next -sSf --cacert "$RUNTIME_CA" -o /dev/null "$RUNTIME_URL/large?bytes=150000&framing=until-close&parts=10" \
			-o /dev/null "$RUNTIME_URL/last?bytes=1000"
		;;
	wget-one) exec wget -q --ca-certificate="$RUNTIME_CA" -O /dev/null "$RUNTIME_URL/one?bytes=200" ;;
	wget-several)
		wget -q --ca-certificate="$RUNTIME_CA" -O /dev/null "$RUNTIME_URL/small?bytes=300" \
			"$RUNTIME_URL/large?bytes=150000&framing=until-close&parts=10"
		wget -q --ca-certificate="$RUNTIME_CA" -O /dev/null --post-file="$RUNTIME_BODY" "$RUNTIME_URL/upload?bytes=17"
		wget -q --ca-certificate="$RUNTIME_CA" -O /dev/null "$RUNTIME_URL/last?bytes=1000"
		;;
	s_client-*)
		requests | openssl s_client -quiet -verify_return_error -CAfile "$RUNTIME_CA" -servername localhost \
			-connect "$host" >/dev/null 2>&1
		;;
	gnutls-cli-*)
		# It ends with its input, so the input ends after the server has.
		{ requests; sleep 1; } | gnutls-cli --x509cafile "$RUNTIME_CA" -p "${host##*:}" localhost >/dev/null
		;;
	*) echo "https.sh knows no $client $life" >&2; exit 2 ;;
esac
