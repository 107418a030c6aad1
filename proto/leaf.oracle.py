# SPDX-License-Identifier: Apache-2.0
"""
Computes leaves from docs/RECORD.md and nothing else: its tables are read from the page, its rules are written here anew, in
another language. leaf.test.ts compares what it finds in leaf.vectors.json with what our implementation wrote there.

Usage   leaf.oracle.py RECORD.md leaf.vectors.json; prints one line for each vector: leaf, leaf after erasure
        leaf.oracle.py --query; prints the SQL that asks ClickHouse for rows with all that a leaf binds
        leaf.oracle.py RECORD.md --rows; reads the answer to it (JSONEachRow) from standard input, prints one line for
        each row: agent id, seq, leaf, and "same" or "DIFFERS"; ends with 1 when one differs
"""
import base64
import hashlib
import json
import re
import sys

ENUMS = {
    "identity_state": ["UNSPECIFIED", "NONE", "POLICY", "VERIFIED", "UNVERIFIABLE", "INVALID"],
    "identity_source": ["UNSPECIFIED", "NONE", "POLICY", "BROKER", "WIRE"],
    "status": ["UNSPECIFIED", "OK", "ERROR", "UNKNOWN"],
    "role": ["UNSPECIFIED", "CLIENT", "SERVER"],
    "process.action": ["UNSPECIFIED", "FORK", "EXEC", "EXIT", "JOINED"],
    "connection.action": ["UNSPECIFIED", "OPENED", "CLOSED", "FAILED"],
    "token.action": ["UNSPECIFIED", "ISSUED", "REFUSED", "OBSERVED"],
    "session.action": ["UNSPECIFIED", "STARTED", "ENDED"],
    "recorder.action": ["UNSPECIFIED", "STARTED", "STOPPED", "HEARTBEAT", "CLOCK_JUMPED", "SUSPENDED"],
    "erasure.action": ["UNSPECIFIED", "PAYLOAD_ERASED", "ROWS_DROPPED", "COMPLETED"],
}


def tables(page):
    """(detail name or 'head' or 'account') -> [(number, field, kind, payload)], and detail name -> number."""
    found, numbers, current = {}, {}, None
    for line in page.splitlines():
        heading = re.match(r"### (?:Detail (\d+): (\w+)|(Head))", line)
        if heading:
            current = heading[2] or "head"
            found[current] = []
            if heading[1]:
                numbers[current] = int(heading[1])
        elif line.startswith("`sent` and `received` each have"):
            current = "account"
            found[current] = []
        row = re.match(r"\| *(\d+) *\| *([\w ]+?) *\| *([\w-]+) *\|(?: *(payload)? *\|)?", line)
        if row and current:
            found[current].append((int(row[1]), row[2], row[3], row[4] == "payload"))
    return found, numbers


def uvarint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def delimited(data):
    return uvarint(len(data)) + data


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def number_of(value, detail, name):
    if isinstance(value, str) and not value.isdigit():
        words = ENUMS.get(f"{detail}.{name}") or ENUMS[name]
        return next(index for index, word in enumerate(words) if value.endswith("_" + word))
    return int(value)


def value_bytes(kind, value, detail, name, found):
    """The field's bytes, or None when it is left out."""
    if value is None:
        return None
    if kind in ("uint32", "uint64", "optional-uint64"):
        number = number_of(value, detail, name)
        return None if number == 0 and kind != "optional-uint64" else uvarint(number)
    if kind == "fixed64":
        return int(value).to_bytes(8, "little") if int(value) else None
    if kind == "bool":
        return b"\x01" if value else None
    if kind == "text":
        return value.encode("utf-8") or None
    if kind == "bytes":
        return base64.b64decode(value) or None
    if kind == "texts":
        return b"".join(delimited(item.encode("utf-8")) for item in value) or None
    if kind == "map":
        entries = sorted((key.encode("utf-8"), item.encode("utf-8")) for key, item in value.items())
        return b"".join(delimited(key) + delimited(item) for key, item in entries) or None
    if kind == "message":
        return fields(found["account"], value, detail, found, None, None, {}) or None
    raise ValueError(kind)


def fields(table, message, detail, found, salt, detail_number, digests, erased=False):
    out = b""
    for number, name, kind, payload in table:
        data = value_bytes(kind, message.get(camel(name)), detail, name, found)
        if payload and erased:
            kept = digests.get(f"{detail}.{name}")
            data = bytes.fromhex(kept) if kept else None
        elif payload and data is not None:
            data = hashlib.sha256(salt + uvarint(detail_number) + uvarint(number) + data).digest()
        if data is not None:
            out += uvarint(number) + delimited(data)
    return out


def leaf(vector, found, numbers, erased):
    activity = vector["activity"]
    salt = base64.b64decode(activity.get("salt", ""))
    detail = next(name for name in numbers if name in activity)
    head = lambda first, last: fields(
        [row for row in found["head"] if first <= row[0] <= last], activity, "head", found, None, None, {}
    )
    canonical = b"\x01" + head(1, numbers[detail] - 1)
    inner = fields(found[detail], activity[detail], detail, found, salt, numbers[detail], vector["digests"], erased)
    canonical += uvarint(numbers[detail]) + delimited(inner) + head(numbers[detail] + 1, 59)
    for number, value in ((60, vector["agentId"]), (61, vector["host"])):
        if value:
            canonical += uvarint(number) + delimited(value.encode("utf-8"))
    return hashlib.sha256(b"\x00" + canonical).hexdigest()


# Bytes, which JSON cannot hold, as base64; times as whole nanoseconds.
QUERY = """SELECT * EXCEPT (received_at, payload_digests), leaf,
  mapApply((name, digest) -> (name, lower(hex(digest))), payload_digests) AS digests_hex,
  {times}, {blobs}
FROM sworn.activities WHERE agent_id = {{agent:String}} ORDER BY seq""".format(
    times=", ".join(f"toUnixTimestamp64Nano({name}) AS {name}_ns" for name in ("time", "end_time", "issued_at", "expires_at")),
    blobs=",\n  ".join(
        f"base64Encode({name}) AS {name}_base64"
        for name in ("salt_bytes", "request", "response", "request_sha256_bytes", "response_sha256_bytes", "erased_digest_bytes", "input", "output")
    ),
)
# docs/RECORD.md, "From a row": where the column has another name than the field.
COLUMNS = {
    "time_ns": "time_ns", "end_time_ns": "end_time_ns",
    "command.request": "request_base64", "command.response": "response_base64",
    "command.request_sha256": "request_sha256_bytes_base64", "command.response_sha256": "response_sha256_bytes_base64",
    "connection.error": "error_code", "token.issued_at_ns": "issued_at_ns", "token.expires_at_ns": "expires_at_ns",
    "loss.where": "place", "session.processes": "session_processes", "session.commands": "session_commands",
    "session.losses": "session_losses", "finding.kind": "finding_kind", "token.kind": "token_kind",
    "token.count": "token_count", "erasure.identity": "erased_identity", "erasure.activities": "erased_activities",
    "erasure.agents": "erased_agents", "erasure.digest": "erased_digest_bytes_base64",
    "terminal.kind": "terminal_kind", "terminal.name": "terminal_name", "terminal.columns": "terminal_columns",
    "terminal.rows": "terminal_rows", "terminal.input": "input_base64", "terminal.output": "output_base64",
}


def activity_of(row, found):
    """The activity in the form of the vectors, from a row of sworn.activities."""
    detail = row["kind"]

    def value(name, kind, path):
        given = row[COLUMNS.get(path, name)]
        words = ENUMS.get(f"{detail}.{name}") or ENUMS.get(name)
        if words and kind == "uint32":
            return words.index(given.upper()) if given else 0
        # A column of fixed length that is all zeros is empty.
        return "" if kind == "bytes" and name.endswith(("_sha256", "digest")) and not any(base64.b64decode(given)) else given

    activity = {camel(name): value(name, kind, name) for number, name, kind, _ in found["head"] if number < 60}
    inner = activity[detail] = {}
    for _, name, kind, _ in found[detail]:
        if kind == "message":
            inner[camel(name)] = {camel(part): row[f"{name}_{part}"] for _, part, _, _ in found["account"]}
        else:
            inner[camel(name)] = value(name, kind, f"{detail}.{name}")
    salt = row["salt_bytes_base64"]
    activity["salt"] = salt if any(base64.b64decode(salt)) else ""
    return activity


def check_rows(found, numbers):
    differs = False
    for line in sys.stdin:
        row = json.loads(line)
        vector = {
            "activity": activity_of(row, found), "agentId": row["agent_id"], "host": row["host"],
            "digests": row["digests_hex"],
        }
        computed = leaf(vector, found, numbers, row["erasure_seq"] != "0")
        differs |= computed != row["leaf"]
        print(row["agent_id"], row["seq"], computed, "same" if computed == row["leaf"] else "DIFFERS")
    sys.exit(1 if differs else 0)


def main():
    if sys.argv[1] == "--query":
        print(QUERY)
        return
    if sys.argv[2] == "--rows":
        with open(sys.argv[1], encoding="utf-8") as page:
            check_rows(*tables(page.read()))
    with open(sys.argv[1], encoding="utf-8") as page, open(sys.argv[2], encoding="utf-8") as vectors:
        found, numbers = tables(page.read())
        for vector in json.load(vectors):
            print(leaf(vector, found, numbers, False), leaf(vector, found, numbers, True))


main()
