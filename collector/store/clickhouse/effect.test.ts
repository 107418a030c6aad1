// SPDX-License-Identifier: Apache-2.0

/** Words of every protocol, and what `effect` says of them: a word that is added to a decoder is added here, and to the view. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeActivity } from '../../testing/activity-maker.ts';
import { asReceived } from '../../testing/full-activities.ts';
import { readAnswer, startEmbeddedStore, type TestStore } from '../../testing/test-store.ts';

/** 'protocol effect': words. '-' is said of words that say nothing of what they do. */
const WORDS: Readonly<Record<string, string>> = {
  'postgresql read': 'SELECT,VALUES,SHOW,FETCH,EXPLAIN,EXPLAIN ANALYZE,DECLARE',
  'postgresql write': 'INSERT,UPDATE,MERGE,CREATE TABLE,CREATE TABLE AS,ALTER TABLE,SELECT INTO,COMMENT',
  'postgresql delete': 'DELETE,TRUNCATE,DROP TABLE',
  'postgresql grant': 'GRANT,REVOKE,CREATE ROLE',
  'postgresql execute': 'CALL,DO,EXECUTE,FUNCTION CALL',
  'postgresql login': 'LOGIN',
  'postgresql control': 'BEGIN,COMMIT,ROLLBACK,SET,PREPARE,DEALLOCATE,BIND,CLOSE,VACUUM',
  'postgresql -': 'EMPTY,UNKNOWN',
  'mysql write': 'REPLACE,LOAD DATA',
  'redis read': 'GET,MGET,KEYS,HGETALL',
  'redis write': 'SET,LPUSH,PUBLISH',
  'redis delete': 'DEL,FLUSHALL',
  'redis execute': 'EVAL,FCALL',
  'redis control': 'PING,MULTI,EXEC,SUBSCRIBE',
  'http read': 'GET,HEAD,OPTIONS',
  'http write': 'POST,PUT,PATCH',
  'http delete': 'DELETE',
  'http control': 'CONNECT',
  'kubernetes read': 'get,list,watch',
  'kubernetes write': 'create,update,patch',
  'kubernetes delete': 'delete,deletecollection',
  'kubernetes execute': 'connect,exec,attach,portforward',
  'ssh login': 'login',
  'ssh execute': 'exec,shell,subsystem',
  'ssh read': 'sftp read,sftp stat,sftp readdir,sftp realpath',
  'ssh write': 'sftp write,sftp rename,sftp mkdir,sftp symlink',
  'ssh delete': 'sftp remove,sftp rmdir',
  'ssh control': 'forward,tcpip-forward,agent,x11',
  'mcp read': 'resources/read,tools/list,prompts/get',
  'mcp execute': 'tools/call',
  'mcp control': 'initialize,ping,notifications/initialized',
  'dns read': 'A,AAAA,HTTPS,TXT,TYPE65280,QUERY',
  'dns write': 'UPDATE',
  'dns control': 'NOTIFY',
  'varlink read': 'ResolveHostname,ResolveAddress,GetInfo,GetUserRecord',
  'varlink execute': 'CALL,Write',
  'grpc execute': 'Say',
  'json-rpc execute': 'sum',
  'websocket control': 'CLOSE,PING,PONG',
  'websocket -': 'SEND,RECEIVE',
  'socks control': 'CONNECT,BIND,UDP ASSOCIATE',
  'socks login': 'LOGIN',
  'proxy control': 'PROXY',
};

describe('the effect of every word', () => {
  let running: TestStore;
  before(async () => {
    running = await startEmbeddedStore();
    const batch = running.store.newBatch();
    let seq = 0;
    for (const [key, words] of Object.entries(WORDS)) {
      for (const operation of words.split(',')) {
        const made = makeActivity(20);
        const command = { ...made.command, protocol: key.split(' ')[0] as string, operation, attributes: {} };
        batch.add('command', asReceived({ ...made, seq: ++seq, command }), { agentId: 'a', host: 'h' });
      }
    }
    await running.store.append([batch]);
  });
  after(async () => await running?.stop());

  it('is what the table says', async () => {
    const sql =
      "SELECT protocol || ' ' || if(effect = '', '-', effect) || ' ' || operation AS said FROM sworn.commands";
    const found = (await readAnswer(running.store, sql, 'TabSeparated')).trimEnd().split('\n');
    const told = Object.entries(WORDS).flatMap(([key, words]) => words.split(',').map((word) => `${key} ${word}`));
    assert.deepEqual(found.toSorted(), told.toSorted());
  });
});
