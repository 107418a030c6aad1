# SPDX-License-Identifier: Apache-2.0
"""The forced command of the suite's sshd: runs what was asked for and writes down what crossed: recorder.py FOLDER SUBSYSTEM…

With a terminal, or as sftp, it only notes the command and becomes it.
"""
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

folder, sftp = sys.argv[1:3]
command = os.environ.get('SSH_ORIGINAL_COMMAND', '')
note = {'command': command, 'connection': os.environ.get('SSH_CONNECTION', ''), 'tty': os.environ.get('SSH_TTY', ''),
        'word': os.environ.get('SUITE_WORD', '')}


def write():
    handle, path = tempfile.mkstemp(dir=folder, suffix='.part')
    with os.fdopen(handle, 'w') as file:
        json.dump(note, file)
    os.rename(path, path[:-5] + '.json')


if command in ('sftp', 'internal-sftp', sftp):
    write()
    os.execv(sftp, [sftp])
if note['tty'] or command == '':
    write()
    os.execv('/bin/sh', ['sh', '-c', command] if command else ['-sh'])

child = subprocess.Popen(['/bin/sh', '-c', command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
seen = {}


def carry(name, source, target, close):
    digest, size = hashlib.sha256(), 0
    while True:
        part = os.read(source, 65536)
        if not part:
            break
        digest.update(part)
        size += len(part)
        seen[name] = {'bytes': size, 'sha256': digest.hexdigest()}
        try:
            while part:
                part = part[os.write(target, part):]
        except BrokenPipeError:
            break
    if close:
        try:
            child.stdin.close()
        except BrokenPipeError:
            pass


threads = [threading.Thread(target=carry, args=('stdout', child.stdout.fileno(), 1, False)),
           threading.Thread(target=carry, args=('stderr', child.stderr.fileno(), 2, False))]
threading.Thread(target=carry, args=('stdin', 0, child.stdin.fileno(), True), daemon=True).start()
for thread in threads:
    thread.start()
status = child.wait()
for thread in threads:
    thread.join()
note.update(status=status, **seen)
write()
sys.stdout.flush()
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
