// SPDX-License-Identifier: Apache-2.0

/** What is done with SSH, case by case. The name of a case stands in what it runs, so that its rows are known. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromNpm, goProgram } from './clients.ts';
import { PASSWORD, type Sshd } from './sshd.ts';

export interface Stage {
  readonly sshd: Sshd;
  /** A web server that answers with 5,000 bytes: what forwards lead to. */
  readonly webPort: number;
  /** Ports that nobody listens on. */
  readonly freePorts: readonly number[];
  /** Runs a command as a workload; `fails`: it is meant to end with another code than 0. */
  run(
    command: readonly string[],
    how?: { input?: string; fails?: boolean; environment?: Record<string, string> },
  ): Promise<unknown>;
}

export interface Case {
  readonly name: string;
  run(stage: Stage): Promise<unknown>;
  /** Executions that the forced command must have seen. Default 1. */
  readonly commands?: number;
  /** What the record has to have beyond those: a pattern for each row, of `operation resource status`. */
  readonly rows?: (stage: Stage) => readonly RegExp[];
}

const HOST = 'suite';
const CLIENTS = join(import.meta.dirname, 'clients');
const PYTHON = '/usr/bin/python3';
const MIB = 1024 * 1024;

const ssh = ({ sshd }: Stage, ...more: string[]): string[] => ['/usr/bin/ssh', '-F', sshd.config, ...more];
const shell = (script: string): string[] => ['/bin/sh', '-ec', script];
/** As a word of a shell. */
const text = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

const exec = (
  name: string,
  script: string,
  how: { input?: string; fails?: boolean; options?: string[] } = {},
): Case => ({
  name,
  run: (stage) => stage.run(ssh(stage, ...(how.options ?? []), HOST, `: ${name}; ${script}`), how),
});

/** Bytes that nothing compresses, the same each time. */
const noise = (bytes: number): string =>
  `openssl enc -aes-128-ctr -pass pass:noise -nosalt -pbkdf2 -in /dev/zero 2>/dev/null | head -c ${bytes}`;

const CIPHERS = [
  ...['aes128-ctr', 'aes192-ctr', 'aes256-ctr', 'aes128-cbc', 'aes256-cbc'],
  ...['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
];
const MACS = [
  'hmac-sha2-256',
  'hmac-sha2-512-etm@openssh.com',
  'umac-128-etm@openssh.com',
  'hmac-sha1',
  'umac-64@openssh.com',
];
const EXCHANGES = [
  ...['sntrup761x25519-sha512@openssh.com', 'curve25519-sha256', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp521'],
  ...['diffie-hellman-group14-sha256', 'diffie-hellman-group-exchange-sha256'],
];
const isAead = (cipher: string): boolean => /gcm|poly1305/.test(cipher);

function* negotiated(): Generator<Case> {
  for (const cipher of CIPHERS)
    for (const mac of isAead(cipher) ? [MACS[0] as string] : MACS)
      yield exec(`cipher ${cipher}${isAead(cipher) ? '' : ` ${mac}`}`, 'cat', {
        input: 'negotiated\n',
        options: ['-c', cipher, '-m', mac],
      });
  for (const kex of EXCHANGES)
    yield exec(`kex ${kex}`, 'cat', { input: 'exchanged\n', options: ['-o', `KexAlgorithms=${kex}`] });
}

/** A connection in the background that others go over, ended in every case. */
const master = (stage: Stage, options: string, then: string): string[] => {
  const socket = join(stage.sshd.folder, `mux-${stage.freePorts.join('-')}`);
  const over = (...more: string[]): string => text(ssh(stage, '-S', socket, ...more));
  return shell(`trap "${over('-O', 'exit', HOST)} 2>/dev/null" EXIT
    ${over('-M', '-f', '-N')} ${options} ${HOST}
    over() { ${over()} "$@"; }
    ${then}`);
};

const forward = (name: string, options: (stage: Stage) => string, ask: (stage: Stage) => string): Case => ({
  name,
  run: (stage) =>
    stage.run(master(stage, options(stage), `curl -sS --noproxy '' ${ask(stage)} | wc -c | grep -qx 5000`)),
  commands: 0,
  // Of one that comes from the other side the row has where that listens; the end of the connection may be its end, too.
  rows: ({ webPort, freePorts }) => [
    new RegExp(`^forward \\S+:(?:${[webPort, ...freePorts].join('|')}) (?:ok|unknown)$`),
  ],
});

const inProcess = (name: string, cipher: string, command: (stage: Stage, said: string) => readonly string[]): Case => ({
  name: `${name} ${cipher}`,
  run: (stage) => stage.run(command(stage, `: ${name} ${cipher}; echo from ${name}`)),
});

function* libraries(): Generator<Case> {
  const python = (file: string, cipher: string) => (stage: Stage, said: string) => [
    ...[PYTHON, join(CLIENTS, file), String(stage.sshd.port), cipher, stage.sshd.keyFile, said],
  ];
  for (const cipher of ['aes128-ctr', 'aes256-cbc'])
    yield inProcess('paramiko', cipher, python('paramiko_client.py', cipher));
  for (const cipher of ['aes256-ctr', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com']) {
    yield inProcess('asyncssh', cipher, python('asyncssh_client.py', cipher));
    yield inProcess('ssh2', cipher, ({ sshd }, said) => [
      ...[process.execPath, join(CLIENTS, 'ssh2_client.mjs'), fromNpm('ssh2', '1.17.0')],
      ...[String(sshd.port), cipher, sshd.keyFile, said],
    ]);
    yield inProcess('go', cipher, ({ sshd }, said) => [goProgram(), String(sshd.port), cipher, sshd.keyFile, said]);
  }
  yield {
    name: 'libssh2 by curl',
    run: ({ sshd, run }) => {
      writeFileSync(join(sshd.folder, 'files/by-curl'), 'for curl\n');
      const key = ['--key', sshd.keyFile, '--pubkey', `${sshd.keyFile}.pub`];
      return run(['curl', '-sSk', '-u', 'root:', ...key, `sftp://127.0.0.1:${sshd.port}${sshd.folder}/files/by-curl`]);
    },
    commands: 0,
    rows: () => [/^sftp \w+ \S*files\/by-curl ok/],
  };
}

const askpass = (stage: Stage, password: string): Record<string, string> => {
  const file = join(stage.sshd.folder, `ask-${password.length}`);
  writeFileSync(file, `#!/bin/sh\necho ${password}\n`, { mode: 0o700 });
  return { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: 'force' };
};
const byPassword = ['-o', 'PubkeyAuthentication=no', '-o', 'NumberOfPasswordPrompts=1'];

const logins: readonly Case[] = [
  {
    name: 'login by password',
    run: (stage) =>
      stage.run(ssh(stage, ...byPassword, HOST, ': login by password; true'), {
        environment: askpass(stage, PASSWORD),
      }),
  },
  {
    name: 'login by certificate',
    run: (stage) => stage.run(ssh(stage, '-i', stage.sshd.certifiedKeyFile, HOST, ': login by certificate; true')),
  },
  {
    name: 'login refused',
    run: (stage) =>
      stage.run(ssh(stage, ...byPassword, HOST, 'true'), { environment: askpass(stage, 'wrong-word-1'), fails: true }),
    commands: 0,
    rows: () => [/^login .*error$/],
  },
];

const files: readonly Case[] = [
  {
    name: 'sftp',
    run: ({ sshd, run }) => {
      const local = join(sshd.folder, 'to-put');
      const remote = join(sshd.folder, 'files');
      writeFileSync(local, Buffer.alloc(3 * MIB, 'sftp bytes '));
      const batch = `put ${local} ${remote}/put\nrename ${remote}/put ${remote}/renamed\nget ${remote}/renamed ${local}.back
ls ${remote}\nmkdir ${remote}/made\nrmdir ${remote}/made\nrm ${remote}/renamed\n-rm ${remote}/not-there\n`;
      return run(['sftp', '-F', sshd.config, '-b', '-', HOST], { input: batch });
    },
    commands: 0,
    rows: () => [
      ...[/^sftp write \S*files\/put ok/, /^sftp \S*rename \S*files\/put.* ok/, /^sftp read \S*files\/renamed ok/],
      ...[
        /^sftp mkdir \S*made ok/,
        /^sftp rmdir \S*made ok/,
        /^sftp remove \S*renamed ok/,
        /^sftp remove \S*not-there error/,
      ],
    ],
  },
  {
    name: 'scp, the old way',
    run: ({ sshd, run }) =>
      run(['scp', '-O', '-F', sshd.config, '/etc/hostname', `${HOST}:${sshd.folder}/files/by-scp`]),
  },
  {
    name: 'scp, over sftp',
    run: ({ sshd, run }) => run(['scp', '-F', sshd.config, '/etc/hostname', `${HOST}:${sshd.folder}/files/scp-sftp`]),
    commands: 0,
    rows: () => [/^sftp write \S*scp-sftp ok/],
  },
  {
    name: 'rsync',
    run: ({ sshd, run }) =>
      run(['rsync', '-a', '-e', `ssh -F ${sshd.config}`, '/etc/hostname', `${HOST}:${sshd.folder}/files/by-rsync`]),
  },
  {
    name: 'git',
    run: ({ sshd, run }) => {
      const [bare, work] = [join(sshd.folder, 'files/repo.git'), join(sshd.folder, 'work')];
      return run(
        shell(`git init -q --bare ${bare}; git init -q ${work}; cd ${work}; git config user.name suite; git config user.email suite
          echo said >file; git add file; git commit -qm first
          git push -q ssh://${HOST}${bare} HEAD:main; git clone -q -b main ssh://${HOST}${bare} ${work}2`),
        { environment: { GIT_SSH_COMMAND: `ssh -F ${sshd.config}` } },
      );
    },
    commands: 2,
  },
];

export const cases: readonly Case[] = [
  exec('exec', 'echo said'),
  exec('exit status', 'echo some; exit 7', { fails: true }),
  exec('signal', 'kill -TERM $$', { fails: true }),
  exec('stderr', 'echo out; echo err >&2'),
  exec('stdin of 1 MiB', 'cat', { input: 'x'.repeat(MIB) }),
  {
    name: 'stdin of 64 MiB',
    run: (stage) => stage.run(shell(`${noise(64 * MIB)} | ${text(ssh(stage, HOST, ': stdin of 64 MiB; sha256sum'))}`)),
  },
  {
    name: 'env',
    run: (stage) => {
      const options = ['-o', 'SendEnv=SUITE_WORD'];
      return stage.run(ssh(stage, ...options, HOST, ': env; true'), { environment: { SUITE_WORD: 'env-word' } });
    },
  },
  {
    name: 'terminal',
    run: (stage) => stage.run([PYTHON, join(CLIENTS, 'terminal.py'), ...ssh(stage, '-tt', HOST)], { fails: true }),
    commands: 0,
    rows: () => [/^shell .*error$/],
  },
  ...negotiated(),
  exec('compression', 'cat', { input: 'compressible '.repeat(5000), options: ['-C'] }),
  exec('rekey', 'cat', { input: 'rekeyed '.repeat(MIB / 8), options: ['-o', 'RekeyLimit=64K'] }),
  exec('rekey, gcm', 'cat', {
    input: 'rekeyed '.repeat(MIB / 8),
    options: ['-o', 'RekeyLimit=64K', '-c', 'aes256-gcm@openssh.com'],
  }),
  {
    name: 'ControlMaster',
    run: (stage) => stage.run(master(stage, '', `for i in 1 2 3; do over ${HOST} ": ControlMaster; echo $i"; done`)),
    commands: 3,
  },
  {
    name: 'jump host',
    run: (stage) => stage.run(ssh(stage, '-J', 'first', HOST, ': jump host; echo behind')),
    rows: ({ sshd }) => [new RegExp(`^forward \\S*127\\.0\\.0\\.1:${sshd.port} `)],
  },
  forward(
    'forward, local',
    ({ freePorts, webPort }) => `-L ${freePorts[0]}:127.0.0.1:${webPort}`,
    ({ freePorts }) => `http://127.0.0.1:${freePorts[0]}/`,
  ),
  forward(
    'forward, remote',
    ({ freePorts, webPort }) => `-R ${freePorts[1]}:127.0.0.1:${webPort}`,
    ({ freePorts }) => `http://127.0.0.1:${freePorts[1]}/`,
  ),
  forward(
    'forward, dynamic',
    ({ freePorts }) => `-D ${freePorts[2]}`,
    ({ freePorts, webPort }) => `--socks5 127.0.0.1:${freePorts[2]} http://127.0.0.1:${webPort}/`,
  ),
  ...files,
  ...logins,
  ...libraries(),
];
