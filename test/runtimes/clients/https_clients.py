# SPDX-License-Identifier: Apache-2.0

"""
A workload: the HTTPS clients of Python, and libcurl in its builds for other TLS libraries than OpenSSL. What it asks for
stands in README.md.

    https_clients.py http.client|asyncio|requests|httpx|LIBCURL one|several

LIBCURL is the name of a shared library, such as libcurl-gnutls.so.4.
"""

import os
import sys
import urllib.parse

CLIENT, LIFE = sys.argv[1:]
URL = os.environ["RUNTIME_URL"]
CA = os.environ["RUNTIME_CA"]
PLACE = urllib.parse.urlsplit(URL)


def requests_of(life):
    if life == "one":
        yield "GET", "/one?bytes=200", None
        return
    with open(os.environ["RUNTIME_BODY"], "rb") as file:
        body = file.read()
    yield "GET", "/small?bytes=300", None
    yield "POST", "/upload?bytes=17", body
    yield "GET", "/large?bytes=150000&framing=until-close&parts=10", None
    yield "GET", "/last?bytes=1000", None


def with_http_client():
    import http.client
    import ssl

    if PLACE.scheme == "http":
        connection = http.client.HTTPConnection(PLACE.netloc, timeout=60)
    else:
        context = ssl.create_default_context(cafile=CA)
        connection = http.client.HTTPSConnection(PLACE.netloc, context=context, timeout=60)
    for method, target, body in requests_of(LIFE):
        connection.request(method, PLACE.path + target, body=body)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
    connection.close()


def with_asyncio():
    """Over memory BIOs: OpenSSL sees no socket."""
    import asyncio
    import ssl

    async def ask_all():
        context = ssl.create_default_context(cafile=CA) if PLACE.scheme == "https" else None
        reader, writer = await asyncio.open_connection(PLACE.hostname, PLACE.port, ssl=context)
        for method, target, body in requests_of(LIFE):
            # Read by hand, so the connection stays.
            target = target.replace("until-close", "chunked")
            head = f"{method} {PLACE.path}{target} HTTP/1.1\r\nHost: {PLACE.netloc}\r\n"
            if body is not None:
                head += f"Content-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"\r\n" + (body or b""))
            await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:100]
            fields = answer.decode("latin1").lower()
            if "transfer-encoding: chunked" in fields:
                while (size := int(await reader.readline(), 16)) > 0:
                    await reader.readexactly(size + 2)
                await reader.readline()
            else:
                await reader.readexactly(int(fields.split("content-length: ")[1].split("\r\n")[0]))
        writer.close()
        await writer.wait_closed()

    asyncio.run(ask_all())


def with_requests():
    import requests

    with requests.Session() as session:
        session.trust_env = False
        for method, target, body in requests_of(LIFE):
            session.request(method, URL + target, data=body, verify=CA, timeout=60).raise_for_status()


def with_httpx():
    import ssl

    import httpx

    with httpx.Client(verify=ssl.create_default_context(cafile=CA), trust_env=False, timeout=60) as client:
        for method, target, body in requests_of(LIFE):
            client.request(method, URL + target, content=body).raise_for_status()


def with_libcurl(name):
    """The easy interface by ctypes: no program of Debian is linked to these builds alone."""
    import ctypes

    # Numbers of curl/curl.h, which are part of libcurl's ABI.
    url, fail, ca_file, post_fields, post_size, write_function = 10002, 45, 10065, 10015, 60, 20011
    curl = ctypes.CDLL(name)
    curl.curl_easy_init.restype = ctypes.c_void_p
    easy = ctypes.c_void_p(curl.curl_easy_init())
    keeps = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)

    def let_go(_bytes, size, count, _to):
        return size * count

    sink = keeps(let_go)

    def set_option(option, value):
        assert curl.curl_easy_setopt(easy, ctypes.c_int(option), value) == 0, option

    set_option(write_function, sink)
    set_option(ca_file, CA.encode())
    set_option(fail, ctypes.c_long(1))
    for method, target, body in requests_of(LIFE):
        set_option(url, (URL + target).encode())
        if body is None:
            set_option(80, ctypes.c_long(1))
        else:
            set_option(post_size, ctypes.c_long(len(body)))
            set_option(post_fields, body)
        code = curl.curl_easy_perform(easy)
        assert code == 0, f"libcurl says {code}"
    curl.curl_easy_cleanup(easy)


known = {
    "http.client": with_http_client,
    "asyncio": with_asyncio,
    "requests": with_requests,
    "httpx": with_httpx,
}
if CLIENT in known:
    known[CLIENT]()
else:
    with_libcurl(CLIENT)
