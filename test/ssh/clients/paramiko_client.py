# SPDX-License-Identifier: Apache-2.0
"""paramiko_client.py PORT CIPHER KEY-FILE COMMAND: runs a command by paramiko and prints what it says; no key, no login."""
import socket
import sys
import warnings

warnings.simplefilter('ignore')
import paramiko  # noqa: E402

port, cipher, key, command = sys.argv[1:]
transport = paramiko.Transport(socket.create_connection(('127.0.0.1', int(port))))
transport.get_security_options().ciphers = (cipher,)
transport.start_client()
if key:
    transport.auth_publickey('root', paramiko.Ed25519Key.from_private_key_file(key))
else:
    transport.auth_none('root')
channel = transport.open_session()
channel.exec_command(command)
print(channel.makefile().read().decode(), end='')
transport.close()
