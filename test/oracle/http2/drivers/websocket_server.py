# SPDX-License-Identifier: Apache-2.0
"""WebSocket by hypercorn, over HTTP/2 in cleartext: websocket_server.py LOG

Answers every message twice as long, and writes down what it sends: path, then the message in base64. Says "Running on URL".
"""

import asyncio
import base64
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

log = open(sys.argv[1], "a", buffering=1)


async def app(scope, receive, send) -> None:
    if scope["type"] != "websocket":
        return
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            continue
        text, binary = event.get("text"), event.get("bytes")
        message = text * 2 if text is not None else binary * 2
        sent = message.encode() if isinstance(message, str) else message
        log.write(f"{scope['path']} {base64.b64encode(sent).decode()}\n")
        await send({"type": "websocket.send", "text" if text is not None else "bytes": message})


config = Config()
config.bind = ["127.0.0.1:0"]
config.errorlog = "-"
asyncio.run(serve(app, config))
