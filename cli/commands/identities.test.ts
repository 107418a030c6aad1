// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sworn } from '../../proto/record.ts';
import {
  activityOf,
  HOSTILE,
  QUIET,
  type RecordedCollector,
  startRecordedCollector,
} from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

const { IdentityState, IdentitySource, Token } = sworn.v1;
const FIRST = '01a20483-0000-7000-8000-000000000003';
const SECOND = '01a20484-0000-7000-8000-000000000004';
const AGENT = 'aaaaaaaa-1111-2222-3333-444444444444';
const ABOUT = {
  ...{ identityId: AGENT, identityName: 'mail-agent', identityKind: 'agent', identityTenant: 'tenant-1' },
  ...{ identityBlueprint: 'blueprint-1', workload: 'mail' },
};
const FOR_ADA = { onBehalfOfId: 'ada-id', onBehalfOfName: 'ada@contoso.example' };
const CLAIMED = {
  identityState: IdentityState.IDENTITY_STATE_UNVERIFIABLE,
  identitySource: IdentitySource.IDENTITY_SOURCE_WIRE,
};

describe('sworn identities, and sworn show --identity', () => {
  let recorded: RecordedCollector;
  const run = (...words: string[]): Promise<Ended> => runSworn(words, { environment: recorded.environment });
  before(async () => {
    recorded = await startRecordedCollector();
    const command = (statement: string) => ({ command: { protocol: 'http', operation: 'GET', statement } });
    await recorded.deliver([
      activityOf(FIRST, 10_000, 0, { ...ABOUT, session: { action: 1, commandLine: 'mail' } }),
      activityOf(FIRST, 11_000, 0, { ...ABOUT, token: { action: Token.Action.ACTION_ISSUED, audience: 'graph' } }),
      activityOf(FIRST, 12_000, 0, { ...ABOUT, ...FOR_ADA, ...command('GET /ada') }),
      activityOf(SECOND, 13_000, 0, { ...ABOUT, ...command('GET /second') }),
      activityOf(SECOND, 14_000, 0, { ...ABOUT, ...CLAIMED, ...command('GET /forged') }),
      activityOf(SECOND, 86_400_000, 0, { ...ABOUT, ...command('GET /next-day') }),
    ]);
  });
  after(() => recorded.stop());

  it('lists who acted, and for whom, with what each did', async () => {
    const { code, out, err } = await run('identities');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.split('\n').filter((line) => line.startsWith('mail-agent'));
    assert.match(lines[0] ?? '', / agent +verified +- .* 2 +2 +1 +0 +0 +0 +mail on host-of-cli-test$/);
    assert.match(lines[1] ?? '', / agent +verified +ada@contoso\.example .* 1 +1 +0 +0 +0 +0 +mail on /);
  });

  it('narrows by kind, host, time and count, and says so when there are none', async () => {
    const count = async (...words: string[]): Promise<number> =>
      (await run('identities', '--json', ...words)).out.split('\n').filter((line) => line !== '').length;
    assert.equal(await count('--kind', 'agent'), 2);
    assert.equal(await count('--host', 'host-of-cli-test'), 3);
    assert.equal(await count('--since', '2026-01-31T12:00:00Z'), 1);
    assert.equal(await count('--limit', '1'), 1);
    assert.equal((await run('identities', '--host', "x' OR 1=1")).out, 'No identities of this kind.\n');
    assert.equal((await run('identities', '--kind', 'robot')).code, 2);
  });

  it('gives JSON Lines', async () => {
    const { out } = await run('identities', '--json', '--kind', 'agent');
    const [row] = out.split('\n').map((line) => JSON.parse(line || '{}') as Record<string, unknown>);
    assert.deepEqual([row?.['identity'], row?.['blueprint'], row?.['unproven']], [AGENT, 'blueprint-1', '1']);
  });

  it('shows all that an identity did, over its sessions, and nothing that only claims to be it', async () => {
    for (const name of ['mail-agent', AGENT]) {
      const { code, out, err } = await run('show', '--identity', name);
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /^unproven +1 lines claim to be it/m);
      const told = out
        .match(/session 01a2\S+|GET \S+|token +issued|session +started/g)
        ?.map((one) => one.replaceAll(/ +/g, ' '));
      assert.deepEqual(told, [
        ...[`session ${FIRST}`, 'session started', 'token issued', 'GET /ada'],
        ...[`session ${SECOND}`, 'GET /second', `session ${SECOND}`, 'GET /next-day'],
      ]);
    }
  });

  it('shows what was done for a human, of some kinds, and since a time', async () => {
    const forHuman = await run('show', '--identity', 'ada@contoso.example');
    assert.deepEqual(forHuman.out.match(/GET \S+/g), ['GET /ada']);
    const commands = await run(
      'show',
      '--identity',
      'mail-agent',
      '--kind',
      'command',
      '--since',
      '2026-02-01T00:00:00Z',
    );
    assert.deepEqual(commands.out.match(/GET \S+/g), ['GET /next-day']);
    const json = await run('show', '--identity', 'mail-agent', '--json');
    assert.equal(json.out.trimEnd().split('\n').length, 5);
  });

  it('gives every row once, however many pages there are', async () => {
    const many = {
      ...ABOUT,
      identityId: 'busy',
      identityName: 'busy',
      command: { protocol: 'http', statement: 'GET /n' },
    };
    await recorded.deliver(Array.from({ length: 2500 }, () => activityOf(SECOND, 20_000, 0, many)));
    assert.equal((await run('show', '--identity', 'busy')).out.match(/GET \/n$/gm)?.length, 2500);
  });

  it('says what is wrong', async () => {
    const unknown = await run('show', '--identity', 'nobody');
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /no identity 'nobody' was seen/);
    assert.equal((await run('show')).code, 2);
    assert.equal((await run('show', QUIET, '--identity', 'mail-agent')).code, 2);
    assert.equal((await run('show', QUIET, '--since', '2h')).code, 2);
  });

  it('leaves the terminal alone, whatever was recorded', async () => {
    for (const words of [
      ['identities'],
      ['identities', '--json'],
      ['show', '--identity', '66666666-7777-8888-9999-000000000000'],
    ]) {
      const environment = { ...recorded.environment, NO_COLOR: '1' };
      const { code, out } = await onTerminal(words, 250, { environment });
      assert.equal(code, 0);
      assertTame(out);
      assert.doesNotMatch(out, /^forged line/m);
      if (words[0] === 'show') assert.ok(out.includes(HOSTILE));
    }
  });
});
