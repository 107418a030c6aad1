# SPDX-License-Identifier: Apache-2.0
"""asyncssh_client.py PORT CIPHER: runs a command by asyncssh and prints what it says."""
import asyncio
import sys
import warnings

warnings.simplefilter('ignore')
import asyncssh  # noqa: E402


async def main(port, cipher):
    options = {'known_hosts': None, 'username': 'agent', 'encryption_algs': [cipher], 'client_keys': None}
    async with asyncssh.connect('127.0.0.1', int(port), **options) as connection:
        print((await connection.run('it is so')).stdout, end='')


asyncio.run(main(*sys.argv[1:]))
