# SPDX-License-Identifier: Apache-2.0

"""Both ends of MCP by the official SDK for Python. Each writes down every message that it sends, as a line.

    peer.py LOG server HOW               HOW: stdio, or http: streamable at /mcp, the older transport at /sse (its log is
                                         LOG.sse), on a port of loopback that is printed
    peer.py LOG client HOW TARGET…       HOW: stdio, http, sse, each with +legacy for the handshake of revisions before 2026-07-28
                                         TARGET: a URL, or a command
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings

import anyio

signal.alarm(60)
warnings.simplefilter("ignore")


def note(text, ending=""):
    with open(sys.argv[1] + ending, "a", encoding="utf-8") as log:
        log.write(text + "\n")


class Noting:
    """A stream of messages that writes down what is sent over it."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    async def __aenter__(self):
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error):
        return await self._stream.__aexit__(*error)

    async def send(self, item):
        note(item.message.model_dump_json(by_alias=True, exclude_unset=True))
        await self._stream.send(item)


@contextlib.asynccontextmanager
async def noted(transport):
    async with transport as streams:
        yield streams[0], Noting(streams[1])


async def call(ctx, params):
    from mcp import MCPError, types

    given = params.arguments or {}

    def text(said, failed=False):
        return types.CallToolResult(content=[types.TextContent(type="text", text=said)], is_error=failed)

    if params.name == "add":
        return text(str(given["a"] + given["b"]))
    if params.name == "run":
        subprocess.run([given["file"]], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return text("ran")
    if params.name == "large":
        return text(given["text"].upper())
    if params.name == "fail":
        return text("it broke", True)
    if params.name == "tell":
        await ctx.session.report_progress(1, total=2, message="half way \u2603")
        return text("told")
    raise MCPError(-32602, f"no tool {params.name}")


async def tools(ctx, params):
    from mcp import types

    names = ["add", "run", "large", "fail", "tell"]
    return types.ListToolsResult(tools=[types.Tool(name=name, input_schema={"type": "object"}) for name in names])


def noting_app(app):
    """What a server answers over HTTP, and tells in streams of events: below everything that the SDK does."""

    async def wrapped(scope, receive, send):
        kind = ""
        ending = "" if scope.get("path") == "/mcp" else ".sse"

        async def seen(message):
            nonlocal kind
            if message["type"] == "http.response.start":
                kind = dict(message["headers"]).get(b"content-type", b"").decode()
            for line in message.get("body", b"").decode().splitlines():
                if line.startswith("{" if "json" in kind else "data: {"):
                    note(line.removeprefix("data: "), ending)
            await send(message)

        await app(scope, receive, seen)

    return wrapped


async def serve(how):
    from mcp.server import Server
    from mcp.server.sse import SseServerTransport
    from mcp.server.stdio import stdio_server

    server = Server("oracle-server", version="2.0", on_list_tools=tools, on_call_tool=call)
    if how == "stdio":
        async with noted(stdio_server()) as (reads, writes):
            await server.run(reads, writes, server.create_initialization_options())
        return
    import uvicorn

    streamable = server.streamable_http_app()
    posts = SseServerTransport("/messages/")

    async def app(scope, receive, send):
        if scope.get("path", "/mcp") == "/mcp":
            await streamable(scope, receive, send)
        elif scope["path"] != "/sse":
            await posts.handle_post_message(scope, receive, send)
        else:
            async with posts.connect_sse(scope, receive, send) as (reads, writes):
                await server.run(reads, writes, server.create_initialization_options())

    running = uvicorn.Server(uvicorn.Config(noting_app(app), host="127.0.0.1", port=0, log_level="error"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(running.serve)
        while not running.started:
            await anyio.sleep(0.01)
        print(running.servers[0].sockets[0].getsockname()[1], flush=True)


def transport(how, target):
    if how == "stdio":
        from mcp.client.stdio import StdioServerParameters, stdio_client

        return stdio_client(StdioServerParameters(command=target[0], args=target[1:], env=dict(os.environ)))
    if how == "http":
        from mcp.client.streamable_http import streamable_http_client

        return streamable_http_client(target[0])
    from mcp.client.sse import sse_client

    return sse_client(target[0])


async def ask(how, target):
    from mcp import Client, MCPError

    way, _, age = how.partition("+")

    async def hear(progress, total, message):
        pass

    async with Client(noted(transport(way, target)), mode=age or "auto") as client:
        await client.list_tools()
        await client.call_tool("add", {"a": 1, "b": 2})
        await client.call_tool("run", {"file": "/bin/true"})
        await client.call_tool("large", {"text": "x" * 100_000})
        await client.call_tool("fail", {})
        # The server for TypeScript does not know the one, and none knows the other.
        for name in ("tell", "unknown"):
            with contextlib.suppress(MCPError):
                await client.call_tool(name, {}, progress_callback=hear)
        async with anyio.create_task_group() as tasks:
            for n in range(20):
                tasks.start_soon(client.call_tool, "add", {"a": n, "b": n})


if sys.argv[2] == "server":
    anyio.run(serve, sys.argv[3])
else:
    anyio.run(ask, sys.argv[3], sys.argv[4:])
