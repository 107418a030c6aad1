// SPDX-License-Identifier: Apache-2.0

/** Connections in SSH: what is said inside is read, and the bytes of the socket add up all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshKeyPool } from '../ssh/key-pool.ts';
import { message } from '../ssh/testing/packet-writer.ts';
import { Talk } from '../ssh/testing/talk.ts';
import { play } from './testing/ssh-connection.ts';
import { DIRECTIONS } from './testing/watched-flow.ts';

function commandIn(compression: string): Talk {
  const talk = new Talk().exchangeKeys({ cipher: 'aes256-gcm@openssh.com', mac: '', compression });
  talk.say('client', message(5, 'ssh-userauth')).say('server', message(6, 'ssh-userauth'));
  talk.say('client', message(50, 'root', 'ssh-connection', 'password', false, 'secret')).say('server', message(52));
  talk.say('client', message(90, 'session', 0, 100, 100)).say('server', message(91, 0, 7, 100, 100));
  talk.say('client', message(98, 7, 'exec', true, 'uptime')).say('server', message(99, 0));
  talk.say('server', message(94, 0, 'z'.repeat(9000))).say('server', message(98, 0, 'exit-status', false, 0));
  return talk.say('server', message(97, 0)).say('client', message(97, 7));
}

for (const role of ['client', 'server'] as const) {
  for (const compression of ['none', 'zlib']) {
    test(`the ${role}'s connection is read, compression ${compression}, with keys that come behind the first packets`, () => {
      const talk = commandIn(compression);
      const { flow, said, ends } = play(talk, role, new SshKeyPool(), 14);
      assert.equal(flow.protocol, 'ssh');
      assert.deepEqual(
        said.exchanges
          .filter(({ routine }) => !routine)
          .map(({ operation, statement, status }) => [operation, statement, status]),
        [
          ['login', 'login root password', 'ok'],
          ['exec', 'uptime', 'ok'],
        ],
      );
      assert.deepEqual(said.troubles, []);
      assert.equal(flow.unreadable.size, 0);
      for (const direction of DIRECTIONS) {
        const { moved: all, decoded, notUnderstood, unreadable } = flow.account(direction);
        assert.deepEqual([all, decoded, notUnderstood, unreadable], [ends[direction], ends[direction], 0, 0]);
      }
    });
  }
}

test('without keys the rest is unreadable, with the reason, and adds up', () => {
  const { flow, said, ends } = play(commandIn('none'), 'client', new SshKeyPool(), -1);
  assert.equal(flow.protocol, 'ssh');
  assert.deepEqual([...flow.unreadable.keys()], ['ssh_no_key']);
  assert.deepEqual(
    said.exchanges.filter(({ routine }) => !routine),
    [],
  );
  for (const direction of DIRECTIONS) {
    const { decoded, unreadable, notUnderstood } = flow.account(direction);
    assert.equal(decoded + unreadable, ends[direction]);
    assert.ok(unreadable > 100);
    assert.equal(notUnderstood, 0);
  }
});
