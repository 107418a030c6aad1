# SPDX-License-Identifier: Apache-2.0
"""asyncssh_client.py PORT CIPHER KEY-FILE COMMAND: runs a command by asyncssh and prints what it says; no key, no login."""
import asyncio
import sys
import warnings

warnings.simplefilter('ignore')
import asyncssh  # noqa: E402


async def main(port, cipher, key, command):
    options = {'known_hosts': None, 'username': 'root', 'encryption_algs': [cipher], 'client_keys': [key] if key else None}
    async with asyncssh.connect('127.0.0.1', int(port), **options) as connection:
        print((await connection.run(command)).stdout, end='')


asyncio.run(main(*sys.argv[1:]))
