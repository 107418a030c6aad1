// SPDX-License-Identifier: Apache-2.0

/**
 * redis-cli, redis-py and ioredis against what MONITOR shows: every command once, in order, with equal arguments; and the table
 * of keys against what the server says of its commands.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CONTAINERS, KEY_POSITIONS } from '../../../agent/protocol/redis/command-table.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';
import { fromNpm, pythonWith } from '../../runtimes/tools.ts';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { argumentsOf, monitoredCommands } from './monitor.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const PASSWORD = 'ann-Passwort-77';
const CLI_COMMANDS = `set "a key" "v\\x00\\xff"
get "a key"
lpush l 1 2 3
incr l
multi
set t 1
exec
select 2
set other 1
config get maxmemory
`;
type Said = [name: string, arity: number, flags: string[], first: number, last: number, step: number, ...unknown[]];

/** What a server says of its commands, those below others too. */
function commandsOf(server: RedisServer): Said[] {
  const said = JSON.parse(server.ask('--json', 'command')) as Said[];
  return said.flatMap((one) => [one, ...((one[9] as Said[] | undefined) ?? [])]);
}

const skip = whyNoRecording();

describe('clients of Redis against MONITOR', { skip }, () => {
  let server: RedisServer;
  let recording: Recording;
  let record: RunRecord;
  let commands: RecordedCommand[];
  const portOf = new Map<string, number>();

  before(async () => {
    server = await startRedis();
    server.ask('acl', 'setuser', 'ann', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    recording = await startRecording({ identities: ['redis-agent'] });
    const port = String(server.port);
    const python = pythonWith('databases', ['PyMySQL==1.1.1', 'redis==5.2.1']);
    const cli = fromDebian('redis-cli', 'redis-tools');
    await recording.run('redis-agent', [cli, '-p', port], { input: CLI_COMMANDS });
    await recording.run('redis-agent', [python, join(import.meta.dirname, 'drivers/redis_driver.py'), port]);
    const driver = join(import.meta.dirname, 'drivers/ioredis.ts');
    await recording.run('redis-agent', [node, driver, fromNpm('ioredis', '5.4.2'), port]);
    server.ask('echo', 'the last command');
    await server.untilShown('the last command');
    record = await recording.finish();
    commands = record.commands.filter(({ protocol }) => protocol === 'redis');
    for (const { connectionId, localPort } of record.connections) portOf.set(connectionId, localPort);
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every command that the server shows is recorded once, in order, with equal arguments', (t) => {
    // Of logins, of what administers, and of what it does not know, the server shows nothing.
    const silent = commandsOf(server).filter(
      ([, , flags]) => flags.includes('admin') || flags.includes('skip_monitor'),
    );
    const notShown = new Set([...silent.map(([name]) => name.toUpperCase().replace('|', ' ')), 'AUTH', 'HELLO']);
    const isShown = ({ operation, statement, errorMessage, attributes }: RecordedCommand): boolean =>
      statement !== '' &&
      attributes['skipped'] === undefined &&
      !notShown.has(operation) &&
      !errorMessage.startsWith('ERR unknown');
    const ports = new Set(commands.map(({ connectionId }) => portOf.get(connectionId)));
    let compared = 0;
    for (const port of ports) {
      const shown = monitoredCommands(server.shown()).filter(({ clientPort }) => clientPort === port);
      const seen = commands.filter((one) => portOf.get(one.connectionId) === port && isShown(one));
      const texts = (args: readonly Buffer[]) => args.map((arg) => arg.toString('latin1'));
      assert.deepEqual(
        seen.map(({ statement }) => texts(argumentsOf(Buffer.from(statement, 'utf8').toString('latin1')))),
        shown.map(({ args }) => texts(args)).filter(([name = '']) => !notShown.has(name.toUpperCase())),
      );
      compared += shown.length;
    }
    assert.ok(compared > 1300, `${compared} commands`);
    t.diagnostic(`${compared} commands on ${ports.size} connections, Redis ${server.version}`);
  });

  test('nothing is lost, every byte is accounted for and understood', () => {
    assertWhole(record);
    assertUnderstood(record, 'redis');
  });

  test('outcomes, databases and who it was', () => {
    const failed = commands.filter(({ status }) => status === 'error');
    const other = failed.filter(({ errorMessage }) => !errorMessage.startsWith('ERR unknown'));
    assert.deepEqual(new Set(other.map(({ errorCode }) => errorCode)), new Set(['WRONGTYPE']));
    assert.match(commands.find(({ statement }) => statement.includes('in three'))?.target ?? '', /^3@/);
    const named = commands.filter(({ attributes }) => attributes['user'] === 'ann');
    assert.ok(named.length > 300, `${named.length} commands of ann`);
    const message = commands.find(({ operation }) => operation === 'MESSAGE');
    assert.equal(message?.resource, 'news');
  });

  test('the password is in no line', () => {
    const bytes = commands.map(
      ({ request, response }) => `${request.toString('latin1')}${response.toString('latin1')}`,
    );
    assert.ok(
      !JSON.stringify([commands, bytes], (_, value) => (typeof value === 'bigint' ? String(value) : value)).includes(
        PASSWORD,
      ),
    );
    const logins = commands.filter(({ operation }) => operation === 'AUTH' || operation === 'HELLO');
    assert.ok(logins.some(({ statement }) => statement.includes('(redacted)')));
  });

  test('the table of keys is what the server says of its commands', () => {
    for (const [name, , , first, last, step] of commandsOf(server)) {
      const mine = KEY_POSITIONS.get(name);
      assert.deepEqual(mine ?? { first: 0, last: 0, step: 0 }, { first, last, step }, name);
    }
    for (const [name] of commandsOf(server)) {
      const [container = '', sub] = name.split('|');
      if (sub !== undefined) assert.ok(CONTAINERS.has(container), container);
    }
  });
});
