// SPDX-License-Identifier: Apache-2.0

/**
 * A real sshd with keys, a user and a certificate authority of its own, on a port of loopback, gone after the test. It runs
 * in a mount namespace in which /etc/passwd and /etc/shadow are the suite's: the host gets no user. Its log, and what the
 * forced command has written down, are what the record is compared with.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../deploy/testing/free-ports.ts';
import { fromDebian, takenOut } from '../runtimes/toolbox.ts';

const START_MS_MAX = 30_000;
export const PASSWORD = 'correct-horse-77';
const PYTHON = '/usr/bin/python3';

/** What the forced command saw. */
export interface Note {
  readonly command: string;
  /** Client's address and port, server's address and port. */
  readonly connection: string;
  readonly tty: string;
  /** The variable SUITE_WORD. */
  readonly word: string;
  /** Negative: a signal. */
  readonly status?: number;
  readonly stdin?: Stream;
  readonly stdout?: Stream;
  readonly stderr?: Stream;
}

interface Stream {
  readonly bytes: number;
  readonly sha256: string;
}

export interface Sshd {
  readonly folder: string;
  readonly port: number;
  /** How it is started, for one that is to be a workload. */
  readonly command: readonly string[];
  /** SHA256:… of its host key, and of the user's key. */
  readonly hostKey: string;
  readonly userKey: string;
  readonly keyFile: string;
  /** Beside it a certificate with the id `suite-certificate`. */
  readonly certifiedKeyFile: string;
  /** For `ssh -F`: whatever host is asked for is this one, and the user's key logs in. */
  readonly config: string;
  readonly log: () => string;
  readonly notes: () => Note[];
  stop(): Promise<void>;
}

/** Errors: ToolMissing; an Error when it does not come up. `isApart`: the caller starts it by `command`. */
export async function startSshd(isApart = false): Promise<Sshd> {
  const program = join(takenOut('openssh-server'), 'usr/sbin/sshd');
  const sftpServer = join(takenOut('openssh-sftp-server'), 'usr/lib/openssh/sftp-server');
  fromDebian('/usr/bin/ssh', 'openssh-client');
  const folder = mkdtempSync(join(tmpdir(), 'sworn-sshd-'));
  const at = (name: string): string => join(folder, name);
  const port = await freePort();
  for (const name of ['notes', 'home', 'files']) mkdirSync(at(name));
  const makeKey = (name: string, type = 'ed25519'): string => {
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', name, '-f', at(name)]);
    return execFileSync('ssh-keygen', ['-lf', `${at(name)}.pub`], { encoding: 'utf8' }).split(' ')[1] as string;
  };
  const hostKey = makeKey('host');
  const userKey = makeKey('user');
  makeKey('authority');
  makeKey('certified');
  const sign = ['-q', '-s', at('authority'), '-I', 'suite-certificate', '-z', '77', '-n', 'root'];
  execFileSync('ssh-keygen', [...sign, `${at('certified')}.pub`]);
  copyFileSync(`${at('user')}.pub`, at('authorized_keys'));
  copyFileSync(join(import.meta.dirname, 'recorder.py'), at('recorder.py'));
  const hash = execFileSync('openssl', ['passwd', '-6', PASSWORD], { encoding: 'utf8' }).trim();
  writeFileSync(
    at('passwd'),
    `root:x:0:0:root:${at('home')}:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n`,
  );
  writeFileSync(at('shadow'), `root:${hash}:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n`, { mode: 0o600 });
  writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${readFileSync(`${at('host')}.pub`, 'utf8')}`);
  writeFileSync(
    at('ssh_config'),
    `Host *
HostName 127.0.0.1
Port ${port}
User root
IdentityFile ${at('user')}
IdentitiesOnly yes
UserKnownHostsFile ${at('known_hosts')}
StrictHostKeyChecking yes
LogLevel ERROR
Ciphers +aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc
`,
  );
  writeFileSync(
    at('sshd_config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${at('host')}
PidFile none
AuthorizedKeysFile ${at('authorized_keys')}
TrustedUserCAKeys ${at('authority')}.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
LogLevel VERBOSE
MaxStartups 100
MaxSessions 64
AcceptEnv SUITE_*
Ciphers +aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc
MACs +hmac-sha1,hmac-sha1-etm@openssh.com,umac-64@openssh.com
Compression yes
Subsystem sftp ${sftpServer}
ForceCommand exec ${PYTHON} ${at('recorder.py')} ${at('notes')} ${sftpServer}
`,
  );
  const inside = `mount --bind ${at('passwd')} /etc/passwd; mount --bind ${at('shadow')} /etc/shadow
    mkdir -p /run/sshd; exec ${program} -D -e -f ${at('sshd_config')}`;
  const command = ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', inside];
  let child: ChildProcess | undefined;
  if (!isApart) {
    const log = openSync(at('log'), 'w');
    child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
  }
  const sshd: Sshd = {
    folder,
    port,
    command,
    hostKey,
    userKey,
    keyFile: at('user'),
    certifiedKeyFile: at('certified'),
    config: at('ssh_config'),
    log: () => readFileSync(at('log'), 'utf8'),
    notes: () => notesIn(at('notes')),
    async stop() {
      if (child !== undefined && child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (isApart) return sshd;
  try {
    await untilListening(port, () => child?.exitCode !== null);
  } catch (error) {
    const said = sshd.log();
    await sshd.stop();
    throw new Error(`sshd does not come up: ${said}`, { cause: error });
  }
  return sshd;
}

/** Connects until it is answered. */
export async function untilListening(port: number, hasEnded: () => boolean): Promise<void> {
  for (const end = Date.now() + START_MS_MAX; ; await sleep(20)) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (hasEnded() || Date.now() > end) throw error;
    } finally {
      socket.destroy();
    }
  }
}

function notesIn(folder: string): Note[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Note);
}
