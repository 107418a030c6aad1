# SPDX-License-Identifier: Apache-2.0

"""
Both sides of WebSocket by the package `websockets`, as ws.ts speaks by the package `ws`: paths, messages and logs are the same.

    websockets_peer.py LOG server        on a port of loopback that it prints; answers every message twice as long
    websockets_peer.py LOG client PORT   a conversation at /plain, one at /deflated
"""

import asyncio
import base64
import contextlib
import signal
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

signal.alarm(60)
LOG = sys.argv[1]
MESSAGES = ["hello", "snow \u2603", "x" * 125, "y" * 126, "z" * 70_000, bytes([0, 1, 0xFF])]


async def tell(socket, path, message):
    content = message.encode() if isinstance(message, str) else message
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{path} {base64.b64encode(content).decode()}\n")
    await socket.send(message)


async def talk(path, compression, code):
    async with connect(f"ws://127.0.0.1:{sys.argv[3]}{path}", compression=compression) as socket:
        for message in MESSAGES:
            await tell(socket, path, message)
            await socket.recv()
        await socket.close(code, "that is all")


async def client():
    await talk("/plain", None, 1000)
    await talk("/deflated", "deflate", 4001)


async def answer(socket):
    with contextlib.suppress(ConnectionClosedError):
        async for message in socket:
            await tell(socket, socket.request.path, message + message)


async def server():
    async with serve(answer, "127.0.0.1", 0) as running:
        print(running.sockets[0].getsockname()[1], flush=True)
        await running.serve_forever()


asyncio.run(server() if sys.argv[2] == "server" else client())
