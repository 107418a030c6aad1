#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload: curl, used in the ways that scripts use it.
#
#   curl.sh URL FOLDER      FOLDER has small.json and text.gz
set -eu
url=$1
folder=$2

ask() {
	curl --silent --show-error --max-time 120 "$@" >/dev/null
}

# One connection for several URLs, and one after another that may be kept or not.
ask "$url/a?bytes=10" "$url/b?bytes=2000&framing=chunked&parts=5" "$url/c?bytes=0" "$url/d?status=204" \
	"$url/e?status=304" "$url/f?status=404&bytes=100" "$url/g?status=503&bytes=3000&framing=chunked"
ask --http1.0 "$url/old?bytes=5000"
ask --http1.0 "$url/old?bytes=70000&framing=chunked&parts=3"
ask --http1.0 --header 'Connection: keep-alive' "$url/kept?bytes=10" "$url/kept?bytes=20"
ask "$url/until-close?bytes=70000&framing=until-close&parts=4"
ask "$url/until-close/empty?framing=until-close"

# From one port, twice: the server ends the first connection, so the port is free again.
ask --local-port 29123 --http1.0 "$url/port?bytes=10&framing=until-close"
ask --local-port 29123 --http1.0 "$url/port-again?bytes=70&framing=until-close"

# Bodies that are sent.
ask --data 'amount=17&name=O%27Neil&text=Gr%C3%BC%C3%9Fe' "$url/form?bytes=5"
ask --json '{"items":[1,2,3],"text":"東京"}' "$url/json?kind=echo"
ask --form 'what=thing' --form "file=@$folder/small.json" "$url/multipart?bytes=5"
ask --data-binary "@$folder/small.json" --header 'Transfer-Encoding: chunked' "$url/chunked?kind=echo&framing=chunked"
ask --data-binary "@$folder/text.gz" --header 'Content-Encoding: gzip' "$url/gzip?bytes=7"
ask --data '' "$url/nothing?bytes=0"
ask --upload-file "$folder/small.json" --header 'Expect: 100-continue' "$url/upload/"
ask --upload-file - --header 'Expect:' "$url/piped?bytes=10" <"$folder/small.json"

# Methods.
ask --head "$url/head?bytes=500" "$url/head?bytes=500&framing=chunked"
ask --request DELETE "$url/things/17?status=204"
ask --request PATCH --data 'name=other' "$url/things/17?bytes=50"
ask --request OPTIONS "$url/things?status=204"
ask --request OPTIONS --request-target '*' "$url"
ask --request PROPFIND --header 'Depth: 1' "$url/dav/?status=207&bytes=700"
ask --request DELETE --data 'why=no+longer' "$url/things/18?bytes=3"

# What comes back.
for coding in gzip deflate br zstd; do
	ask --compressed "$url/coded?bytes=50000&coding=$coding" "$url/coded?bytes=50000&coding=$coding&framing=chunked&parts=7"
	ask --compressed --http1.0 "$url/coded?bytes=3000&coding=$coding&framing=until-close"
	ask "$url/coded?bytes=0&coding=$coding" "$url/coded?bytes=3000000&coding=$coding"
done
ask --range 100-199 "$url/part?status=206&bytes=100"
ask --location "$url/moved?status=302&bytes=20" "$url/moved?status=308"
ask --location --data 'a=1' "$url/see?status=303"
ask "$url/exactly?bytes=1048576&kind=binary" "$url/one-more?bytes=1048577&kind=binary"
ask "$url/trailers?bytes=900&framing=chunked&trailers&parts=3"
ask "$url/hints?interim=103,103&bytes=12" "$url/hints?interim=102&status=500&bytes=12"
ask "$url/events?events=200&framing=chunked&parts=50" --header 'Accept: text/event-stream'
ask "$url/query?a=1&b=x%20y&b=+&%C3%BC=%E6%9D%B1&empty=&bare&Upper=Lower&bytes=1"
for status in 201 202 203 205 300 301 400 401 403 405 409 410 418 422 429 451 500 501 502 504; do
	ask "$url/status?status=$status&bytes=$status"
done

# Credentials and long fields.
ask --user name:not-a-real-passphrase "$url/basic?bytes=1"
ask --cookie 'one=not-a-real-cookie; two=2' --header "X-Long: $(printf 'long %.0s' $(seq 1500))" "$url/fields?bytes=1"
ask --header 'X-Twice: a' --header 'X-Twice: b' --header 'X-Empty;' --user-agent 'the tests/1.0 (ä)' "$url/fields?bytes=1"

# Through a proxy: absolute form, and a tunnel that leads back.
ask --proxy "$url" "http://elsewhere.example/absolute?bytes=30"
ask --proxy "$url" --proxytunnel "http://elsewhere.example/tunnel?bytes=31" "http://elsewhere.example/tunnel?bytes=32"

# Several at the same time.
ask --parallel --parallel-max 6 "$url/parallel/[1-60]?bytes=3000&framing=chunked"
