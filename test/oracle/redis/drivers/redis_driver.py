# SPDX-License-Identifier: Apache-2.0
"""redis-py against a server: argument 1 is its port. Commands of all kinds, in RESP2 and RESP3, alone and in pipelines."""

import sys
import redis

port = int(sys.argv[1])
for protocol in (2, 3):
    client = redis.Redis(host="127.0.0.1", port=port, protocol=protocol, client_name=f"python-{protocol}")
    client.set("grüße", "schöne ☃ \"quoted\" \\ \r\n")
    client.set(b"bytes\x00\xff", bytes(range(256)))
    client.mset({f"key {n}": n for n in range(20)})
    client.hset("hash", mapping={"a": 1, "b": "two"})
    client.hgetall("hash")
    client.zadd("board", {"one": 1.5, "two": 2})
    client.zrange("board", 0, -1, withscores=True)
    client.set("large", "v" * 300_000)
    assert len(client.get("large")) == 300_000
    with client.pipeline(transaction=True) as pipe:
        for n in range(50):
            pipe.incr("counter").lpush("list", n)
        pipe.execute()
    with client.pipeline(transaction=False) as pipe:
        for n in range(200):
            pipe.set(f"p{n}", n).get(f"p{n}")
        pipe.execute()
    try:
        client.incr("hash")
    except redis.ResponseError:
        pass
    client.eval("return redis.call('GET', KEYS[1])", 1, "p1")
    events = client.pubsub()
    events.subscribe("news", "other")
    events.get_message(timeout=5)
    events.get_message(timeout=5)
    client.publish("news", "a message")
    while (events.get_message(timeout=5) or {}).get("type") != "message":
        pass
    events.close()
    client.close()
named = redis.Redis(host="127.0.0.1", port=port, username="ann", password="ann-Passwort-77", db=3)
named.set("in three", 1)
named.close()
