// SPDX-License-Identifier: Apache-2.0

/** The daemons under what their units leave them: they start, record, store, and can do no more than that. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeAuthority } from '../../agent/delivery/grpc/test-certificates.ts';
import { hostChecks } from '../../agent/doctor/host-checks.ts';
import { DaemonPair } from '../testing/daemon-pair.ts';
import { sandboxed, whyNoSandbox } from './testing/sandbox.ts';
import { readUnitFile } from './testing/unit-file.ts';

const project = join(import.meta.dirname, '../..');
const missing = hostChecks().find(({ state }) => state === 'fail');
const skip = whyNoSandbox() ?? (missing === undefined ? false : `${missing.name}: ${missing.found}`);

/** Accounts that no machine has; who they are must not matter. */
const UID = { agent: 64_990, collector: 64_991 } as const;
type Who = keyof typeof UID;

describe('under the units', { skip }, () => {
  let folder = '';
  let projectAt = '';
  let pair: DaemonPair;
  let service: Server;
  let secure: Server;

  const wordsFor = (who: Who): string[] =>
    sandboxed({
      unit: readUnitFile(join(import.meta.dirname, `sworn-${who}.service`)),
      uid: UID[who],
      folders: [join(folder, who), ...(who === 'agent' ? [join(folder, 'run')] : [])],
      project,
      projectAt,
    });
  const run = (who: Who, script: string) => {
    const [file, ...words] = wordsFor(who) as [string, ...string[]];
    return spawnSync(file, [...words, 'sh', '-c', script], { encoding: 'utf8' });
  };

  before(async () => {
    // Not in /tmp: the units have one of their own.
    folder = mkdtempSync('/run/sworn-units-');
    chmodSync(folder, 0o755);
    projectAt = join(folder, 'project');
    service = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    const { cert, key } = await (await makeAuthority('units')).issue('localhost');
    secure = createSecureServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (_request, response) =>
      response.end('hello'),
    ).listen(0, '127.0.0.1');
    pair = new DaemonPair({ sworn: join(project, 'bin/sworn'), folder, before: wordsFor });
    await pair.configure();
    mkdirSync(join(folder, 'project'));
  });
  after(async () => {
    await pair?.stop();
    service?.close();
    secure?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('the agent sees other users’ processes and nobody lets it write', () => {
    const { stdout } = run(
      'agent',
      `id -u; readlink /proc/$PPID/exe; ls /proc/$PPID/fd >/dev/null && echo descriptors
       touch ${folder}/agent/x && echo state; touch ${folder}/x /usr/x /etc/x /root/x 2>/dev/null || echo no more
       ls -A /tmp; grep -E "Cap(Eff|Bnd)" /proc/self/status | cut -f2 | uniq`,
    );
    assert.deepEqual(stdout.trim().split('\n'), [
      String(UID.agent),
      process.execPath,
      'descriptors',
      'state',
      'no more',
      capabilityMask(['DAC_READ_SEARCH', 'NET_ADMIN', 'SYS_PTRACE', 'PERFMON', 'BPF']),
    ]);
  });

  it('the collector has no capability, no home, and writes its state only', () => {
    const { stdout } = run(
      'collector',
      `id -u; touch ${folder}/collector/x && echo state
       touch ${folder}/x /usr/x /etc/x 2>/dev/null || echo no more
       ls /root 2>/dev/null || echo no home; grep -E "Cap(Eff|Bnd)" /proc/self/status | cut -f2 | uniq`,
    );
    assert.deepEqual(stdout.trim().split('\n'), [
      String(UID.collector),
      'state',
      'no more',
      'no home',
      '0000000000000000',
    ]);
  });

  it('system calls that neither needs are refused', () => {
    const calls = [
      ['AF_PACKET', 'socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'],
      ['netlink', 'socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)'],
      ['chroot', 'os.chroot("/")'],
      ['setuid', 'os.setresuid(0, 0, 0)'],
      ['ptrace', 'check(ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0))'],
    ];
    const script = `import ctypes, os, socket
def check(result):
    if result != 0: raise OSError(ctypes.get_errno(), "")
for name, call in ${JSON.stringify(calls)}:
    try: eval(call); print(name)
    except OSError as error: assert error.errno == 1, (name, error)
`;
    for (const who of ['agent', 'collector'] as const) {
      const { stdout, stderr } = run(who, `python3 -c '${script}'`);
      assert.deepEqual([stdout, stderr], ['', ''], who);
    }
  });

  it('a workload is recorded and stored', async () => {
    await pair.startCollector();
    pair.issueCertificate('unit-test');
    // What deploy/install does with a group: readable for the agent, for nobody else.
    execFileSync('chown', ['-R', `root:${UID.agent}`, pair.path('certificate')]);
    chmodSync(pair.path('certificate/agent.key'), 0o640);
    await pair.startAgent();
    assert.equal(statSync(pair.socket).uid, UID.agent);

    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/greeting`;
    const words = ['run', '--socket', pair.socket, '--identity', 'invoice-agent', '--', 'curl', '-s', url];
    assert.deepEqual(await pair.sworn(...words), { code: 0, out: 'hello', err: '' });
    await pair.sessionsEnded(1);

    const commands = await pair.rows('SELECT statement, identity_name, status, rows FROM sworn.commands');
    assert.deepEqual(commands, [
      { statement: 'GET /greeting', identity_name: 'invoice-agent', status: 'ok', rows: null },
    ]);
    const programs = await pair.rows<{ argv: string[] }>("SELECT argv FROM sworn.processes WHERE action = 'exec'");
    assert.deepEqual(programs, [{ argv: ['curl', '-s', url] }]);
    // The pipes between this test and the program are older than its session, and `hello` on them is of no language.
    const losses = "SELECT place, reason FROM sworn.losses WHERE reason NOT IN ('joined_late', 'not_recognised')";
    assert.deepEqual(await pair.rows(losses), []);
  });

  it('what a workload says in TLS is read', async () => {
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/secret`;
    const words = ['run', '--socket', pair.socket, '--identity', 'invoice-agent', '--', 'curl', '-sk', url];
    assert.deepEqual(await pair.sworn(...words), { code: 0, out: 'hello', err: '' });
    await pair.sessionsEnded(2);
    const commands = await pair.rows("SELECT statement, status, tls FROM sworn.commands WHERE tls != ''");
    assert.deepEqual(commands, [{ statement: 'GET /secret', status: 'ok', tls: 'TLS 1.3' }]);
    const unread =
      "SELECT subject, message FROM sworn.findings WHERE kind = 'tls_unreadable' OR attributes['errno'] = 'EACCES'";
    assert.deepEqual(await pair.rows(unread), []);
  });
});

/** include/uapi/linux/capability.h */
const CAPABILITY = { DAC_READ_SEARCH: 2, NET_ADMIN: 12, SYS_PTRACE: 19, PERFMON: 38, BPF: 39 } as const;

function capabilityMask(names: readonly (keyof typeof CAPABILITY)[]): string {
  const mask = names.reduce((sum, name) => sum | (1n << BigInt(CAPABILITY[name])), 0n);
  return mask.toString(16).padStart(16, '0');
}
