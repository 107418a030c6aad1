# SPDX-License-Identifier: Apache-2.0
"""An SSH server for one test: says its port, the cipher and keys of each key exchange as lines of JSON; nobody has to log in.

Commands are answered by their own text, shells by nothing; sftp serves the folder in argv[1].
"""
import asyncio
import json
import sys
import warnings

warnings.simplefilter('ignore')
import asyncssh  # noqa: E402
import asyncssh.kex  # noqa: E402

compute = asyncssh.kex.Kex.compute_key


def say(**words):
    print(json.dumps(words), flush=True)


def told(kex, k, h, x, session, size):
    made = compute(kex, k, h, x, session, size)
    say(letter=x.decode(), key=made.hex())
    return made


asyncssh.kex.Kex.compute_key = told


class Open(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


async def answer(process):
    process.stdout.write(f'{process.command}\n')
    process.exit(0)


async def main():
    server = await asyncssh.create_server(
        Open, '127.0.0.1', 0, server_host_keys=[asyncssh.generate_private_key('ssh-ed25519')],
        process_factory=answer, sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=sys.argv[1].encode()),
        encryption_algs=['aes128-ctr', 'aes192-ctr', 'aes256-ctr', 'aes128-gcm@openssh.com', 'aes256-gcm@openssh.com',
                         'chacha20-poly1305@openssh.com', 'aes256-cbc'], login_timeout=60)
    say(port=server.sockets[0].getsockname()[1])
    await server.wait_closed()


asyncio.run(main())
