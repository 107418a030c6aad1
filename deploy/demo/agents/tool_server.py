# SPDX-License-Identifier: Apache-2.0

"""
The tools of the demo: a server of MCP over standard input and output. It writes down what it was sent and what it answered,
one JSON object a line in TOOL_LOG, so that the record can be compared with it.
"""

import hashlib
import json
import os
import subprocess
import sys

TOOLS = ("disk_usage", "clear_cache")


def called(name, arguments):
    if name == "disk_usage":
        said = subprocess.run(["df", "-h", arguments["path"]], capture_output=True, text=True, check=True).stdout
        return {"result": {"content": [{"type": "text", "text": said}], "isError": False}}
    if name == "clear_cache":
        said = f"{arguments['path']}: read-only"
        return {"result": {"content": [{"type": "text", "text": said}], "isError": True}}
    return {"error": {"code": -32602, "message": f"there is no tool {name}"}}


def answered(method, params):
    if method == "initialize":
        about = {"name": "disk-tools", "version": "1.0"}
        return {"result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": about}}
    if method == "tools/list":
        return {"result": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}}
    return called(params["name"], params["arguments"])


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


with open(os.environ["TOOL_LOG"], "a", encoding="utf-8") as log:
    for line in map(str.strip, sys.stdin):
        asked = json.loads(line)
        answer = ""
        if "id" in asked:
            reply = {"jsonrpc": "2.0", "id": asked["id"], **answered(asked["method"], asked["params"])}
            answer = json.dumps(reply)
            print(answer, flush=True)
        name = asked.get("params", {}).get("name", "")
        said = {"name": f"{asked['method']} {name}".strip(), "asked": digest(line), "answered": digest(answer)}
        print(json.dumps(said), file=log, flush=True)
