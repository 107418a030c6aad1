# SPDX-License-Identifier: Apache-2.0
"""
A workload that gets tokens in every way that there is and shows them around: what to do is its arguments, where and with
what its environment. Each secret that it came to know is a line of TOLD_FILE, a name and the secret.
"""

import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.parse

E = os.environ
RESOURCE = urllib.parse.quote(E["RESOURCE"], safe="")
METADATA = {"Metadata": "true"}


def told(name, secret):
    with open(E["TOLD_FILE"], "a") as file:
        file.write(f"{name} {secret}\n")
    return secret


def ask(url, headers={}, method="GET", body=None, fails=False):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(parts.netloc, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc)
    connection.request(method, f"{parts.path}?{parts.query}", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if (answer.status >= 400) != fails:
        sys.exit(f"{url} was answered with {answer.status}: {text[:300]}")
    return answer, text


def token_of(text):
    return json.loads(text)["access_token"]


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout.strip()


def by_app_service():
    header = {"X-IDENTITY-HEADER": told("header of the identity endpoint", E["IDENTITY_HEADER"])}
    _, text = ask(f"{E['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={RESOURCE}", header)
    return told("token", token_of(text))


def use():
    """Shows the token of App Service to a service, in each place of a request, and on a command line."""
    token = by_app_service()
    form = {"content-type": "application/x-www-form-urlencoded"}
    bearer(token)
    ask(f"{E['SERVICE']}/query?access_token={token}&note={E['MARKER']}")
    ask(f"{E['SERVICE']}/form", form, "POST", f"access_token={token}&note={E['MARKER']}")
    ask(f"{E['SERVICE']}/json", {"content-type": "application/json"}, "POST", json.dumps({"access_token": token}))
    run("/usr/bin/curl", "-sf", "-H", f"Authorization: Bearer {token}", f"{E['SERVICE']}/by-curl")
    run("/usr/bin/env", f"ACCESS_TOKEN={token}", "/bin/true", "--note", E["MARKER"])


def bearer(token):
    ask(f"{E['SERVICE']}/bearer", {"Authorization": f"Bearer {token}", "X-Note": E["MARKER"]})


def imds():
    """By the address that clients know: the kernel leads it to the broker."""
    _, text = ask(f"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE}", METADATA)
    bearer(told("token by IMDS", token_of(text)))


def arc():
    url = f"http://127.0.0.1:{E['ARC_PORT']}/metadata/identity/oauth2/token?api-version=2020-06-01&resource={RESOURCE}"
    proof = None
    while proof is None:
        challenge, _ = ask(url, METADATA, fails=True)
        try:
            with open(challenge.getheader("WWW-Authenticate").split("realm=")[1]) as file:
                proof = told("content of a file of Arc", file.read().strip())
        except FileNotFoundError:
            # The folder is the host's, and another agent that starts on it clears it.
            pass
    _, text = ask(url, {**METADATA, "Authorization": f"Basic {proof}"})
    bearer(told("token by Arc", token_of(text)))


def unix():
    bearer(told("token by the socket", run(E["SWORN"], "token", "--resource", E["RESOURCE"])))


def on_behalf():
    person = told("token of a person", E["PERSON_TOKEN"])
    bearer(person)
    command = [E["SWORN"], "token", "--resource", E["RESOURCE"], "--on-behalf-of", "-"]
    bearer(told("token on behalf of a person", run(*command, input=person)))


def saml():
    told("SAML response", E["SAML_RESPONSE"])
    form = urllib.parse.urlencode({"SAMLResponse": E["SAML_RESPONSE"], "RelayState": E["MARKER"]})
    ask(f"{E['SERVICE']}/saml", {"content-type": "application/x-www-form-urlencoded"}, "POST", form)


def past():
    """Past the broker: at the host's own metadata service, and at Entra, over TLS, with what Entra refuses."""
    _, text = ask(f"{E['HOST_METADATA']}?api-version=2018-02-01&resource={RESOURCE}&client_id={E['HOST_CLIENT']}", METADATA)
    bearer(told("token past the broker", token_of(text)))
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "requested_token_use": "on_behalf_of",
        "client_id": E["APP_CLIENT"],
        "scope": f"{E['RESOURCE']}/.default",
        "assertion": E["PERSON_TOKEN"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": E["PERSON_TOKEN"],
    }
    form = {"content-type": "application/x-www-form-urlencoded"}
    ask(f"{E['ENTRA_TOKENS']}", form, "POST", urllib.parse.urlencode(grant), fails=True)


def login():
    """A token as the password of PostgreSQL, as databases of Azure take it."""
    token = by_app_service()
    run("psql", "-X", "-q", "-c", f"SELECT '{E['MARKER']}'", env={**E, "PGUSER": "token_role", "PGPASSWORD": token})


def steal():
    for stolen in E["STOLEN"].split():
        bearer(stolen)


def get():
    bearer(by_app_service())


for name in sys.argv[1:]:
    globals()[name]()
