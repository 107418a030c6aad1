# SPDX-License-Identifier: Apache-2.0
"""paramiko_client.py PORT CIPHER: runs a command by paramiko and prints what it says."""
import socket
import sys
import warnings

warnings.simplefilter('ignore')
import paramiko  # noqa: E402

transport = paramiko.Transport(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
transport.get_security_options().ciphers = (sys.argv[2],)
transport.start_client()
transport.auth_none('agent')
channel = transport.open_session()
channel.exec_command('it is so')
print(channel.makefile().read().decode(), end='')
transport.close()
