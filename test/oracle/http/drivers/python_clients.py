# SPDX-License-Identifier: Apache-2.0

"""
A workload: the HTTP clients of Python (http.client, urllib, and requests where it is installed), used in the ways that
scripts use them.

    python3 python_clients.py URL

Prints the name and version of each client that it used.
"""

import gzip
import http.client
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

URL = sys.argv[1]
HOST = urllib.parse.urlsplit(URL).netloc
TEXT = "".join(f"line {n}: Grüße, 東京\n" for n in range(4000)).encode()


def slices(body, step):
    for at in range(0, len(body), step):
        yield body[at : at + step]


def with_http_client():
    connection = http.client.HTTPConnection(HOST, timeout=120)

    def ask(method, target, body=None, headers=None, **more):
        connection.request(method, target, body=body, headers=headers or {}, **more)
        connection.getresponse().read()

    for n in range(20):
        ask("GET", f"/http.client/{n}?bytes={n * 700}&framing={'chunked' if n % 2 else 'length'}&parts=3")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for status in (200, 204, 304, 404, 500):
            body = b"body of " + method.encode() if method in ("POST", "PUT", "PATCH") else None
            ask(method, f"/http.client?status={status}&bytes=77", body)
    ask("POST", "/http.client/chunks?kind=echo", slices(TEXT, 3000), encode_chunked=True)
    ask("POST", "/http.client/gzip?bytes=3", gzip.compress(TEXT), {"Content-Encoding": "gzip"})
    ask("GET", "/http.client/trailers?bytes=5000&framing=chunked&trailers&parts=4")
    ask("GET", "/http.client/last?bytes=60000&framing=until-close")
    connection.close()
    print("http.client", sys.version.split()[0])


def with_urllib():
    def ask(target, data=None, method=None, headers=None):
        request = urllib.request.Request(URL + target, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                response.read()
        except urllib.error.HTTPError as error:
            error.read()

    ask("/urllib?bytes=4000&framing=chunked")
    ask("/urllib?status=302&bytes=10")
    ask("/urllib?status=418&bytes=10")
    ask("/urllib/form", urllib.parse.urlencode({"name": "Grüße", "b": "x y"}).encode())
    ask("/urllib/json?kind=echo", json.dumps({"a": [1, 2]}).encode(), "PUT", {"Content-Type": "application/json"})
    ask("/urllib/" + urllib.parse.quote("Grüße & mehr") + "?bytes=10&q=%20%2B+")
    for coding in ("gzip", "deflate", "br", "zstd"):
        ask(f"/urllib?bytes=30000&coding={coding}&framing=chunked&parts=5")
    print("urllib", sys.version.split()[0])


def with_requests():
    try:
        import requests
    except ImportError:
        return
    with requests.Session() as session:
        session.trust_env = False
        for n in range(20):
            session.get(f"{URL}/requests/{n}", params={"bytes": n * 100, "name": "ü x", "list": ["a", "b"]})
        session.post(f"{URL}/requests/json?kind=echo", json={"text": "Grüße"})
        session.post(f"{URL}/requests/form", data={"a": "1"}, files={"file": ("text.txt", TEXT)})
        session.post(f"{URL}/requests/stream?bytes=4", data=slices(TEXT, 10_000))
        session.put(f"{URL}/requests?status=503&bytes=10", data=TEXT, auth=("name", "not-a-real-passphrase"))
        session.get(f"{URL}/requests?status=301&bytes=12")
        for coding in ("gzip", "deflate"):
            session.get(f"{URL}/requests?bytes=30000&coding={coding}&framing=chunked&parts=5")
        with session.get(f"{URL}/requests/events?events=50&framing=chunked&parts=10", stream=True) as response:
            for _ in response.iter_lines():
                pass
    print("requests", requests.__version__)


with_http_client()
with_urllib()
with_requests()
