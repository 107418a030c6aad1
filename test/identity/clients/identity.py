# SPDX-License-Identifier: Apache-2.0
"""azure-identity or msal: asks for a token twice, and says what it holds."""

import asyncio
import hashlib
import json
import os
import sys
import time

WAY = os.environ["MATRIX_WAY"]
RESOURCE = os.environ["MATRIX_RESOURCE"]
CLIENT_ID = os.environ.get("MATRIX_CLIENT_ID")
OBJECT_ID = os.environ.get("MATRIX_OBJECT_ID")


def arguments():
    if WAY == "chain":
        return {}
    if CLIENT_ID:
        return {"client_id": CLIENT_ID}
    return {"identity_config": {"object_id": OBJECT_ID}} if OBJECT_ID else {}


def kind_of(module):
    if WAY == "chain":
        return module.DefaultAzureCredential
    by_file = os.environ.get("MATRIX_CREDENTIAL") == "workload-identity"
    return module.WorkloadIdentityCredential if by_file else module.ManagedIdentityCredential


def by_identity():
    import azure.identity

    credential = kind_of(azure.identity)(**arguments())

    def ask():
        answer = credential.get_token(RESOURCE + "/.default")
        return answer.token, answer.expires_on

    return ask


def by_identity_aio():
    import azure.identity.aio

    loop = asyncio.new_event_loop()
    module = azure.identity.aio
    credential = kind_of(module)(**arguments())

    def ask():
        answer = loop.run_until_complete(credential.get_token(RESOURCE + "/.default"))
        return answer.token, answer.expires_on

    return ask


def by_msal():
    import msal
    import requests

    identity = msal.SystemAssignedManagedIdentity()
    if CLIENT_ID:
        identity = msal.UserAssignedManagedIdentity(client_id=CLIENT_ID)
    elif OBJECT_ID:
        identity = msal.UserAssignedManagedIdentity(object_id=OBJECT_ID)
    client = msal.ManagedIdentityClient(identity, http_client=requests.Session())

    def ask():
        answer = client.acquire_token_for_client(resource=RESOURCE)
        if "access_token" not in answer:
            raise RuntimeError(f"{answer.get('error')}: {answer.get('error_description')}")
        return answer["access_token"], time.time() + int(answer["expires_in"])

    return ask


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


started = time.monotonic()
try:
    ask = {"identity": by_identity, "identity.aio": by_identity_aio, "msal": by_msal}[sys.argv[1]]()
    token, expires_at_s = ask()
    ms = (time.monotonic() - started) * 1000
    again, _ = ask()
    print(json.dumps({"fingerprint": digest(token), "again": digest(again), "expiresAtS": expires_at_s, "ms": ms}))
except Exception as error:
    ms = (time.monotonic() - started) * 1000
    print(json.dumps({"error": f"{type(error).__name__}: {error}", "ms": ms}))
sys.stdout.flush()
# Sessions that were not closed would be complained of at the end.
os._exit(0)
