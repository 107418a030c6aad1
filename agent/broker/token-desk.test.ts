// SPDX-License-Identifier: Apache-2.0

/** The desk, behind a real broker: who opened, who asks, what it runs, and that all of it still holds when the token leaves. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { IdentityState, TokenAction } from '../model/activity.ts';
import { type CallerFacts, createFactsOf, type FactsOf } from './attest/caller-facts.ts';
import { BrokerError } from './errors.ts';
import type { Policy, PolicyMatch, PolicySet } from './policy/policy.ts';
import type { BrokerOptions } from './start-broker.ts';
import { asker } from './testing/policy-maker.ts';
import { askOnce, type RawAnswer } from './testing/raw-http.ts';
import { GRAPH, openStage, type Stage, type StagedBroker, thisProcess, VAULT } from './testing/staged-broker.ts';
import { createWorkloadProcesses } from './testing/workload-process.ts';

const [RIGHT, WRONG] = ['ab'.repeat(32), 'ef'.repeat(32)];

let stage: Stage;
before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(() => stage.standIn.faults.clear());

let broker: StagedBroker;
afterEach(() => broker.stop());

const secret = (): string => stage.secrets.secretFor({ selectionName: 'orders', sessionKey: 7n }) ?? '';

const ask = (resource = VAULT): Promise<RawAnswer> =>
  askOnce(broker.address.port, {
    target: `/msi/token?api-version=2019-08-01&resource=${resource}`,
    headers: [
      ['Host', `localhost:${broker.address.port}`],
      ['X-IDENTITY-HEADER', secret()],
    ],
  });

async function isRefused(reason: string, status = 403): Promise<void> {
  const answer = await ask();
  assert.deepEqual([answer.status, broker.last().reason], [status, reason]);
}

/** The stage's identities, with other policies: each of its own name and match, for the workload "orders". */
const policiesOf = (...matches: PolicyMatch[]): PolicySet => ({
  ...stage.policy,
  policies: matches.map((match, i): Policy => ({ name: `p${i}`, match, identity: 'orders-app', resources: [VAULT] })),
});

/** Facts as they are told to the desk, one after the other, the last for ever; and how often a digest was asked for. */
function told(...facts: (Partial<CallerFacts> | undefined | Error)[]): FactsOf & { digests: number } {
  const { workload: _, ...base } = asker();
  let at = 0;
  const factsOf: FactsOf & { digests: number } = Object.assign(
    async (_process: unknown, wanted?: { readonly digest: boolean }) => {
      if (wanted?.digest === true) factsOf.digests += 1;
      const next = facts[Math.min(at, facts.length - 1)];
      // A digest is of what was looked at before.
      if (wanted?.digest !== true) at += 1;
      if (next instanceof Error) throw next;
      if (next === undefined) return undefined;
      const whole = { ...base, ...next };
      const unknown = { exeSha256: '', exeSha256Missing: 'not-asked' } as const;
      return wanted?.digest === true ? whole : { ...whole, ...unknown };
    },
    { digests: 0 },
  );
  return factsOf;
}

async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await stage.start({ factsOf: told({}), ...options });
}

describe('who opened the connection', () => {
  const opener = { pid: 1, startNs: 1n };

  test('may be another process of the same session', async () => {
    await start();
    broker.callers.everybodyIs(
      thisProcess({ openedBy: { ...opener, selectionName: 'orders', sessionKey: 7n }, execs: 2, openedExecs: 2 }),
    );
    assert.equal((await ask()).status, 200);
  });

  for (const [what, openedBy] of [
    ['another session', { ...opener, selectionName: 'orders', sessionKey: 8n }],
    ['another workload', { ...opener, selectionName: 'billing', sessionKey: 7n }],
    ['no workload', { ...opener, selectionName: undefined, sessionKey: 0n }],
  ] as const) {
    test(`must not be of ${what}`, async () => {
      await start();
      broker.callers.everybodyIs(thisProcess({ openedBy }));
      await isRefused('caller_changed');
      assert.ok(broker.last().suspicious);
    });
  }

  test('is told even when the one who asks is of no workload at all', async () => {
    await start();
    const openedBy = { ...opener, selectionName: 'orders', sessionKey: 7n };
    broker.callers.everybodyIs(thisProcess({ selectionName: undefined, sessionKey: 0n, openedBy }));
    await isRefused('caller_changed');
  });

  test('must still be the program that it was then', async () => {
    await start();
    broker.callers.everybodyIs(thisProcess({ execs: 3, openedExecs: 2 }));
    await isRefused('caller_changed');
  });

  test('must not execute another program while it waits', async () => {
    await start();
    let questions = 0;
    const callers = {
      callerOf: () => {
        questions += 1;
        return thisProcess({ execs: questions > 1 ? 3 : 2 });
      },
    };
    await broker.stop();
    await start({ callers });
    await isRefused('caller_changed');
    assert.equal(questions, 2);
  });
});

describe('what the caller runs', () => {
  test('decides, and is recorded with the policy', async () => {
    const factsOf = told({ exeSha256: RIGHT });
    await start({ policy: policiesOf({ workload: 'orders', exeSha256: RIGHT }, { exeSha256: WRONG }), factsOf });
    assert.equal((await ask()).status, 200);
    const { action, policy, exeSha256 } = broker.last();
    assert.deepEqual([action, policy, exeSha256], [TokenAction.ISSUED, 'p0', RIGHT]);
  });

  test('is refused when it is another program', async () => {
    await start({ policy: policiesOf({ workload: 'orders', exeSha256: RIGHT }), factsOf: told({ exeSha256: WRONG }) });
    await isRefused('no_binding');
    const { identityName, identityState, exeSha256 } = broker.last();
    assert.deepEqual([identityName, identityState, exeSha256], ['', IdentityState.NONE, WRONG]);
  });

  test('is not hashed for who is refused anyway', async () => {
    const factsOf = told({});
    await start({ policy: policiesOf({ workload: 'orders', exeSha256: RIGHT, uid: 8 }), factsOf });
    await isRefused('no_binding');
    assert.equal((await ask('https://other.example')).status, 403);
    assert.equal(factsOf.digests, 0);
  });

  test('is refused by two policies that match, and served by one of them alone', async () => {
    await start({ policy: policiesOf({ workload: 'orders' }, { uid: 7 }) });
    await isRefused('ambiguous_binding');
    await broker.reload(policiesOf({ workload: 'orders' }, { uid: 8 }));
    assert.equal((await ask()).status, 200);
  });

  test('must be the same file when the token leaves', async () => {
    await start({ factsOf: told({ inode: 2n }, { inode: 3n }) });
    await isRefused('caller_changed');
    assert.equal(broker.counts.issued, 0);
    await broker.stop();
    await start({ factsOf: told({ device: 2n }, { device: 3n }) });
    await isRefused('caller_changed');
  });

  test('must still be what the policy wants when the token leaves', async () => {
    await start({ policy: policiesOf({ workload: 'orders', uid: 7 }), factsOf: told({}, { uid: 8 }) });
    await isRefused('no_binding');
    assert.equal(broker.counts.issued, 0);
  });

  test('that cannot be read is no reason to come back at once, and none to serve', async () => {
    await start({ factsOf: told(new Error('EACCES')) });
    await isRefused('caller_unreadable', 503);
    assert.ok(broker.lines.some((line) => line.includes('EACCES')));
    await broker.stop();
    await start({ factsOf: told(undefined) });
    await isRefused('caller_unreadable', 503);
    await broker.stop();
    await start({ factsOf: told(undefined), isAlive: () => false });
    await isRefused('caller_gone');
  });
});

describe('another policy, while the broker runs', () => {
  test('holds from the next request on', async () => {
    await start();
    assert.equal((await ask()).status, 200);
    const requests = stage.standIn.count('token');
    await broker.reload({ ...stage.policy, policies: [] });
    await isRefused('no_binding');
    await broker.reload(stage.policy);
    assert.equal((await ask()).status, 200);
    assert.equal(stage.standIn.count('token'), requests + 1, 'what was kept is forgotten');
  });

  test('changes nothing when it makes no sense, or when a key cannot be read', async () => {
    await start();
    const [identity] = stage.policy.identities;
    assert.ok(identity?.kind === 'app' && identity.credential.kind === 'certificate');
    const keyless = { ...identity, credential: { ...identity.credential, keyFile: '/nonexistent' } };
    for (const broken of [
      { identities: [], policies: stage.policy.policies },
      { ...stage.policy, identities: [keyless, ...stage.policy.identities.slice(1)] },
    ]) {
      await assert.rejects(broker.reload(broken), BrokerError);
      assert.equal((await ask()).status, 200);
    }
  });

  /** The answer to a request that waits for Entra when the policy changes. */
  async function overtakenBy(policy: PolicySet): Promise<RawAnswer> {
    stage.standIn.faults.add('token', { kind: 'delay', ms: 300 });
    const waiting = stage.standIn.count('token') + 1;
    const answer = ask();
    while (stage.standIn.count('token') < waiting) await new Promise((resolve) => setTimeout(resolve, 5));
    await broker.reload(policy);
    return answer;
  }

  test('overtakes a request that waits', async () => {
    await start();
    assert.equal((await overtakenBy({ ...stage.policy, policies: [] })).status, 403);
    assert.equal(broker.last().reason, 'no_binding');
    await broker.reload(stage.policy);
    const renamed = stage.policy.policies.map((policy) => ({ ...policy, name: `${policy.name}-2` }));
    const answer = await overtakenBy({ ...stage.policy, policies: renamed });
    assert.deepEqual([answer.status, broker.last().reason], [503, 'policy_changed']);
    await broker.reload(stage.policy);
    const [orders, ...others] = stage.policy.identities;
    assert.ok(orders);
    const { objectId: _, ...changed } = orders;
    await overtakenBy({ ...stage.policy, identities: [changed, ...others] as PolicySet['identities'] });
    assert.equal(broker.last().reason, 'policy_changed');
    assert.equal(broker.counts.issued, 0);
  });

  test('does not disturb a request that waits when it says the same', async () => {
    await start();
    assert.equal((await overtakenBy(structuredClone(stage.policy))).status, 200);
  });
});

describe('real programs', () => {
  // Not what PATH leads to, which may be a script that starts it.
  const PYTHON = execFileSync('python3', ['-c', "import os; print(os.readlink('/proc/self/exe'))"], {
    encoding: 'utf8',
  }).trim();
  const SESSION = { selectionName: 'orders', sessionKey: 21n };
  const digestOf = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);
  const ASK = `
import os, socket, sys
host = os.environ['IDENTITY_ENDPOINT'].split('/')[2]
connection = socket.create_connection(('127.0.0.1', int(host.split(':')[1])))
request = f"GET /msi/token?api-version=2019-08-01&resource=${VAULT} HTTP/1.1\\r\\nHost: {host}\\r\\nX-IDENTITY-HEADER: {os.environ['IDENTITY_HEADER']}\\r\\n\\r\\n"
connection.sendall(request.encode())
`;
  const STATUS = `${ASK}
print(connection.recv(65536).split(b' ')[1].decode(), flush=True)`;
  let folder = '';
  let processes: ReturnType<typeof createWorkloadProcesses>;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-desk-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    processes = createWorkloadProcesses();
  });
  afterEach(() => processes.endAll());

  const startFor = (...matches: PolicyMatch[]): Promise<void> =>
    start({ policy: policiesOf(...matches), callers: processes.callers, factsOf: createFactsOf() });

  async function status(program: string, session: typeof SESSION | undefined = SESSION): Promise<string> {
    const asking = processes.start(session, [program, '-c', STATUS], {
      ...broker.environment(SESSION),
      // A copied interpreter finds its library by the one that it was copied from.
      PYTHONHOME: execFileSync(PYTHON, ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8' }).trim(),
    });
    const { stdout, stderr } = await asking.finished;
    assert.notEqual(stdout, '', stderr);
    return stdout.trim();
  }

  test('get a token by path and digest, and a changed copy of the same program gets none', async () => {
    await startFor({ workload: 'orders', exe: PYTHON, exeSha256: digestOf(PYTHON) });
    assert.equal(await status(PYTHON), '200');
    assert.deepEqual([broker.last().policy, broker.last().exeSha256], ['p0', digestOf(PYTHON)]);
    const copy = join(folder, 'python3');
    copyFileSync(PYTHON, copy);
    assert.equal(await status(copy), '403', 'the same bytes at another path');
    appendFileSync(copy, 'x');
    assert.equal(await status(copy), '403');
    assert.equal(broker.last().reason, 'no_binding');
    await broker.reload(policiesOf({ workload: 'orders', exeSha256: digestOf(PYTHON) }));
    assert.equal(await status(copy), '403', 'other bytes');
    await broker.reload(policiesOf({ workload: 'orders', exeSha256: digestOf(copy) }));
    assert.equal(await status(copy), '200');
  });

  test('of the right user are not enough when the program is wrong', async () => {
    await startFor({ uid: process.getuid?.() ?? 0, exe: '/opt/agent' });
    assert.equal(await status(PYTHON), '403');
    assert.equal(broker.last().reason, 'no_binding');
  });

  test('have their digest in the record from the second token on when no policy wants it', async () => {
    await startFor({ workload: 'orders' });
    assert.equal(await status(PYTHON), '200');
    // It is made while the first token is fetched, which may take less time.
    for (let tries = 0; tries < 50 && broker.last().exeSha256 === undefined; tries += 1) await status(PYTHON);
    assert.equal(broker.last().exeSha256, digestOf(PYTHON));
  });

  test('that execute another program while they wait get nothing, though it is the same process', async () => {
    await startFor({ workload: 'orders' });
    stage.standIn.faults.add('token', { kind: 'delay', ms: 300 });
    const waiting = stage.standIn.count('token') + 1;
    const script = `${ASK}
os.set_inheritable(connection.fileno(), True)
sys.stdin.read(1)
os.execv('/bin/sleep', ['sleep', '600'])`;
    const fifo = join(folder, 'go');
    execFileSync('mkfifo', [fifo]);
    const command = `exec '${PYTHON}' -c "$SCRIPT" < '${fifo}'`;
    const environment = { ...broker.environment(SESSION), SCRIPT: script };
    const asking = processes.start(SESSION, ['sh', '-c', command], environment);
    const go = execFileSync.bind(undefined, 'sh', ['-c', `echo > '${fifo}'`]);
    // The reader opens the fifo before it asks; so the writer must be there, and says nothing yet.
    const held = processes.start(undefined, ['sh', '-c', `exec sleep 600 > '${fifo}'`], {});
    while (stage.standIn.count('token') < waiting) await new Promise((resolve) => setTimeout(resolve, 5));
    go();
    while (broker.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([broker.last().reason, broker.last().caller?.pid], ['caller_changed', asking.pid]);
    assert.ok(broker.last().suspicious);
    held.child.kill('SIGKILL');
  });
});

test('resources of a policy are its own', async () => {
  await start();
  assert.equal((await ask(GRAPH)).status, 200);
  await broker.reload(policiesOf({ workload: 'orders' }));
  assert.equal((await ask(GRAPH)).status, 403);
});
