# SPDX-License-Identifier: Apache-2.0
"""A workload: WebSocket by wsproto in a stream of h2 (RFC 8441). websocket_client.py LOG PORT

Two conversations in one connection, at /plain and, compressed, at /deflated, a message of each in turn. Writes down what it sends.
"""

import base64
import socket
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.extensions import PerMessageDeflate

MESSAGES = ["hello", "snow \u2603", "x" * 125, "y" * 126, "z" * 70_000, b"\x00\x01\xff"]

log = open(sys.argv[1], "w")
port = sys.argv[2]
wire = socket.create_connection(("127.0.0.1", int(port)), timeout=60)
h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))


class Talk:
    """One stream; what came is in `messages`."""

    def __init__(self, path: str, deflate: bool) -> None:
        self.path = path
        self.id = h2.get_next_available_stream_id()
        self.extension = PerMessageDeflate() if deflate else None
        self.granted = self.over = False
        self.messages = 0
        self.part = b""
        fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
            (":authority", f"127.0.0.1:{port}"), ("sec-websocket-version", "13"),
        ]  # fmt: skip
        if self.extension is not None:
            offer = self.extension.offer()
            fields.append(("sec-websocket-extensions", "permessage-deflate" + (f"; {offer}" if isinstance(offer, str) else "")))
        h2.send_headers(self.id, fields)

    def answered(self, fields: list) -> None:
        named = dict(fields)
        assert named[":status"] == "200", fields
        accepted = named.get("sec-websocket-extensions")
        assert (accepted is not None) == (self.extension is not None), fields
        if self.extension is not None:
            self.extension.finalize(accepted)
        self.talk = Connection(ConnectionType.CLIENT, [self.extension] if self.extension else [])
        self.granted = True

    def received(self, data: bytes) -> None:
        self.talk.receive_data(data)
        for event in self.talk.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                self.messages += event.message_finished
            elif isinstance(event, CloseConnection):
                self.over = True

    def send(self, event) -> None:
        data = self.talk.send(event)
        while data:
            room = min(h2.local_flow_control_window(self.id), h2.max_outbound_frame_size)
            if room == 0:
                step()
                continue
            h2.send_data(self.id, data[:room])
            data = data[room:]
            flush()

    def say(self, message) -> None:
        raw = message.encode() if isinstance(message, str) else message
        log.write(f"{self.path} {base64.b64encode(raw).decode()}\n")
        self.send(TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message))


def flush() -> None:
    if data := h2.data_to_send():
        wire.sendall(data)


def step() -> None:
    """Takes what comes next."""
    flush()
    data = wire.recv(65536)
    assert data, "the server is gone"
    for event in h2.receive_data(data):
        talk = talks.get(getattr(event, "stream_id", 0))
        if isinstance(event, ResponseReceived):
            talk.answered(event.headers)
        elif isinstance(event, DataReceived):
            h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            talk.received(event.data)
        elif isinstance(event, (StreamEnded, StreamReset)):
            talk.over = True
    flush()


def until(holds) -> None:
    while not holds():
        step()


talks: dict = {}
h2.initiate_connection()
until(lambda: h2.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1)
for path, deflate in (("/plain", False), ("/deflated", True)):
    talk = Talk(path, deflate)
    talks[talk.id] = talk
until(lambda: all(talk.granted for talk in talks.values()))
for number, message in enumerate(MESSAGES):
    for talk in talks.values():
        talk.say(message)
    until(lambda: all(talk.messages > number for talk in talks.values()))
for talk, code in zip(talks.values(), (1000, 4001)):
    talk.send(CloseConnection(code=code, reason="that is all"))
    until(lambda: talk.over)
h2.close_connection()
flush()
wire.close()
