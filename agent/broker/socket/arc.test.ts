// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { BrokerError } from '../errors.ts';
import { createHandClock } from '../testing/hand-clock.ts';
import { askOnce, type RawAnswer } from '../testing/raw-http.ts';
import {
  ORDERS_CLIENT,
  openStage,
  type Stage,
  type StagedBroker,
  thisProcess,
  VAULT,
} from '../testing/staged-broker.ts';
import { withInterfaces } from '../testing/with-interfaces.ts';
import { CHALLENGE_FOLDER, type ChallengeFiles, openChallengeFiles } from './challenge-files.ts';

let stage: Stage;
let folder: string;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-arc-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const arcAgentPrograms: readonly string[] = [];
const start = (interfaces: readonly ('arc' | 'imds')[] = ['arc']): Promise<StagedBroker> =>
  stage.start({ policy: withInterfaces(stage.policy, ...interfaces), arc: { port: 0, folder, arcAgentPrograms } });

type Headers = readonly (readonly [string, string])[];

function ask(broker: StagedBroker, more: Headers = [], query = `resource=${encodeURIComponent(VAULT)}`) {
  const port = broker.ports.arc ?? 0;
  return askOnce(port, {
    target: `/metadata/identity/oauth2/token?api-version=2020-06-01&${query}`,
    headers: [['Host', `127.0.0.1:${port}`], ['Metadata', 'true'], ...more],
  });
}

/** The file that the challenge names, where the agent has it. */
function fileOf(answer: RawAnswer): string {
  assert.equal(answer.status, 401);
  const [, path = ''] = /^Basic realm=(\S+)$/.exec(answer.headers['www-authenticate'] ?? '') ?? [];
  assert.equal(dirname(path), CHALLENGE_FOLDER);
  return join(folder, basename(path));
}

const proof = (file: string): Headers => [['Authorization', `Basic ${readFileSync(file, 'latin1')}`]];

describe('the Arc flavour', () => {
  test('gives a token to who reads the file that it was told of, once', async () => {
    const broker = await start();
    const file = fileOf(await ask(broker));
    assert.match(basename(file), /\.key$/);
    const { mode, size } = statSync(file);
    assert.equal(mode & 0o777, 0o640);
    assert.ok(size > 0 && size <= 4096);
    assert.equal(broker.events.length, 0, 'nothing was given and nothing refused yet');
    const headers = proof(file);
    const answer = await ask(broker, headers, `resource=${VAULT}&client_id=${ORDERS_CLIENT.toUpperCase()}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.client_id, ORDERS_CLIENT, 'clients want the one that they named');
    assert.equal(broker.last().interface, 'arc');
    assert.deepEqual(readdirSync(folder), []);
    const again = await ask(broker, headers);
    assert.deepEqual([again.status, broker.last().reason, broker.last().suspicious], [403, 'challenge_unknown', false]);
  });

  test('belongs the file to the user who asks', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const broker = await start();
    broker.callers.everybodyIs(thisProcess({ uid: 65534 }));
    assert.equal(statSync(fileOf(await ask(broker))).uid, 65534);
  });

  test('takes the secret from the process that was challenged only, and it stays good for that one', async () => {
    const broker = await start();
    const headers = proof(fileOf(await ask(broker)));
    for (const other of [
      thisProcess({ pid: 1, startNs: 0n }),
      thisProcess({ sessionKey: 8n, selectionName: 'billing' }),
    ]) {
      broker.callers.everybodyIs(other);
      const answer = await ask(broker, headers);
      assert.deepEqual([answer.status, broker.last().reason], [403, 'secret_wrong']);
    }
    broker.callers.everybodyIs(thisProcess());
    assert.equal((await ask(broker, headers)).status, 200);
  });

  test('refuses at the first request whom it would refuse at the second, without a file', async () => {
    for (const [broker, query, reason] of [
      [await start(['imds']), undefined, 'interface_not_allowed'],
      [await start(), 'resource=https://elsewhere.example', 'resource_not_allowed'],
      [await start(), '', 'resource_missing'],
    ] as const) {
      const answer = await ask(broker, [], query);
      assert.ok(answer.status === 403 || answer.status === 400);
      assert.deepEqual([broker.last().reason, broker.events.length], [reason, 1]);
    }
    const broker = await start();
    broker.callers.everybodyIs(thisProcess({ selectionName: undefined, sessionKey: 0n }));
    assert.equal((await ask(broker)).status, 403);
    broker.callers.fail('gone');
    assert.equal((await ask(broker)).status, 503);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('refuses other proofs than its own', async () => {
    const broker = await start();
    for (const value of ['Basic', 'Basic ', 'Bearer x', `Basic ${'x'.repeat(200)}`, 'Basic a b', 'basic x']) {
      const answer = await ask(broker, [['Authorization', value]]);
      assert.deepEqual([answer.status, broker.last().reason], [403, 'secret_wrong'], value);
    }
  });

  test('is a 503 when the file cannot be written', async () => {
    const broker = await start();
    rmSync(folder, { recursive: true });
    const answer = await ask(broker);
    assert.deepEqual([answer.status, broker.last().reason], [503, 'challenge_unavailable']);
  });

  test('takes its files with it', async () => {
    const broker = await start();
    await ask(broker);
    assert.equal(readdirSync(folder).length, 1);
    await broker.stop();
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('challenge files', () => {
  const clock = createHandClock();
  const open = (programs = arcAgentPrograms): ChallengeFiles =>
    openChallengeFiles({ clock, folder, arcAgentPrograms: programs });
  const secretIn = (path: string): string => readFileSync(join(folder, basename(path)), 'latin1');

  test('are gone after half a minute', () => {
    const files = open();
    const secret = secretIn(files.make(thisProcess()));
    clock.advance(30_001);
    assert.equal(files.redeem(secret, thisProcess()), 'unknown');
    assert.deepEqual([files.size, readdirSync(folder)], [0, []]);
    files.close();
  });

  test('are few for one process, and bounded for all', () => {
    const files = open();
    const [first = '', ...rest] = Array.from({ length: 9 }, () => secretIn(files.make(thisProcess())));
    assert.equal(files.size, 8);
    assert.equal(files.redeem(first, thisProcess()), 'unknown');
    assert.ok(rest.every((secret) => files.redeem(secret, thisProcess()) === 'good'));
    for (let pid = 1; pid <= 400; pid += 1) files.make(thisProcess({ pid }));
    assert.equal(files.size, 256);
    assert.equal(readdirSync(folder).length, 256);
    files.close();
    assert.deepEqual(readdirSync(folder), []);
  });

  const fails = (code: string, text: RegExp, programs?: readonly string[]) =>
    assert.throws(
      () => open(programs),
      (error: unknown) => {
        assert.ok(error instanceof BrokerError);
        assert.equal(error.code, `SWORN_BROKER_${code}`);
        assert.match(error.message, text);
        return true;
      },
    );

  test('are not made on a host of the real agent, whose files stay', () => {
    const himds = join(folder, 'himds');
    writeFileSync(himds, '');
    fails('ARC_TAKEN', /himds is there/, [himds]);
    rmSync(himds);
    const theirs = join(folder, 'c2a4.key');
    writeFileSync(theirs, 'theirs');
    fails('ARC_TAKEN', /c2a4\.key is not one of its files/);
    assert.equal(readFileSync(theirs, 'utf8'), 'theirs');
  });

  test('that were left behind are removed, and a folder that is not there is made', () => {
    writeFileSync(join(folder, `sworn-${'a'.repeat(32)}.key`), 'old');
    open().close();
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
    open().close();
    assert.ok(statSync(folder).isDirectory());
  });

  test('need a folder', () => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    fails('ARC_FOLDER', /cannot be made or read/);
  });
});
