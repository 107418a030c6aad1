# SPDX-License-Identifier: Apache-2.0
"""The az CLI: logs in with the managed identity, asks for a token, and says what it holds.

Its cloud is made known first: AZURE_CONFIG_DIR is a folder of the row's own, and the manager of resources that it asks for
subscriptions is one on loopback that knows none.
"""

import configparser
import hashlib
import json
import os
import subprocess
import sys
import time

RESOURCE = os.environ["MATRIX_RESOURCE"]
CLIENT_ID = os.environ.get("MATRIX_CLIENT_ID")
OBJECT_ID = os.environ.get("MATRIX_OBJECT_ID")


def az(*words):
    done = subprocess.run([sys.executable, "-m", "azure.cli", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return done.stdout


def know_cloud():
    folder = os.environ["AZURE_CONFIG_DIR"]
    clouds = configparser.ConfigParser()
    clouds["Matrix"] = {
        "endpoint_management": RESOURCE,
        "endpoint_active_directory": os.environ["MATRIX_AUTHORITY"],
        "endpoint_active_directory_resource_id": RESOURCE,
        "endpoint_resource_manager": os.environ["MATRIX_RESOURCE_MANAGER"],
        "profile": "latest",
    }
    with open(os.path.join(folder, "clouds.config"), "w") as file:
        clouds.write(file)
    settings = configparser.ConfigParser()
    settings["cloud"] = {"name": "Matrix"}
    settings["core"] = {"collect_telemetry": "false", "instance_discovery": "false", "only_show_errors": "true"}
    settings["auto-upgrade"] = {"enable": "no"}
    with open(os.path.join(folder, "config"), "w") as file:
        settings.write(file)


know_cloud()
selector = ["--client-id", CLIENT_ID] if CLIENT_ID else ["--object-id", OBJECT_ID] if OBJECT_ID else []
how = ["--identity"]
if os.environ.get("MATRIX_CREDENTIAL") == "workload-identity":
    with open(os.environ["AZURE_FEDERATED_TOKEN_FILE"]) as file:
        who = ["--username", os.environ["AZURE_CLIENT_ID"], "--tenant", os.environ["AZURE_TENANT_ID"]]
        how = ["--service-principal", *who, "--federated-token", file.read()]
started = time.monotonic()
try:
    az("login", *how, "--allow-no-subscriptions", *selector)
    answer = json.loads(az("account", "get-access-token", "--resource", RESOURCE))
    ms = (time.monotonic() - started) * 1000
    fingerprint = hashlib.sha256(answer["accessToken"].encode()).hexdigest()
    print(json.dumps({"fingerprint": fingerprint, "again": fingerprint, "expiresAtS": answer["expires_on"], "ms": ms}))
except RuntimeError as error:
    print(json.dumps({"error": str(error), "ms": (time.monotonic() - started) * 1000}))
