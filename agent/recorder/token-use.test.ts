// SPDX-License-Identifier: Apache-2.0

/** Which identity the lines have when tokens cross connections: through decoders, flows and lineage, from bytes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { closed, missing, moved, opened } from '../flow/testing/arrivals.ts';
import { bind } from '../lineage/session.ts';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { type Binding, NO_IDENTITY } from '../model/identity.ts';
import type { KernelEvent, Scope } from '../model/kernel-event.ts';
import { StagedRecorder } from './testing/staged-recorder.ts';

const SCOPE: Scope = { selectionId: 1, sessionKey: 7n };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

function executed(pid: number, parent: number, atNs: number): KernelEvent {
  return {
    type: 'process-executed',
    atNs,
    process: { pid, startNs: 5n },
    parent: { pid: parent, startNs: parent === 1 ? 0n : 5n },
    scope: SCOPE,
    program: {
      ...{ exe: `/bin/${pid}`, cwd: '/', cgroup: '/c', argv: ['x'], argvBytes: 2, argvComplete: true },
      ...{ uid: 9, gid: 9, loginUid: 9 },
    },
  };
}

function exited(pid: number, atNs: number): KernelEvent {
  const process = { pid, startNs: 5n };
  const status = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: true };
  return { type: 'process-exited', atNs, process, scope: SCOPE, ...status };
}

const fingerprintOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Tokens that are known, by their text. */
function staged(tokens: Readonly<Record<string, Partial<Binding>>>): StagedRecorder {
  const known = new Map(
    Object.entries(tokens).map(([text, about]) => [
      fingerprintOf(text),
      { ...NO_IDENTITY, identityId: text, state: IdentityState.VERIFIED, source: IdentitySource.WIRE, ...about },
    ]),
  );
  return new StagedRecorder({ tokenOf: (fingerprint) => known.get(fingerprint) });
}

const get = (...fields: readonly string[]): string =>
  `GET /a HTTP/1.1\r\nHost: h\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;

const commandsOf = (stage: StagedRecorder): string[] => stage.of('command').map(({ identityId }) => identityId);

describe('a request with a bearer token', () => {
  const requests = (stage: StagedRecorder, ...heads: readonly string[]): string[] => {
    stage.handle(executed(100, 1, 500), opened());
    let [sent, received] = [0, 0];
    for (const head of heads) {
      stage.handle(moved('sent', sent, head), moved('received', received, OK));
      sent += head.length;
      received += OK.length;
    }
    return commandsOf(stage);
  };

  test('is of that token, and the next one without is not', () => {
    const stage = staged({ 'token-a': {}, 'token-b': {} });
    const heads = [get('Authorization: Bearer token-a'), get('authorization: bearer  token-b'), get()];
    assert.deepEqual(requests(stage, ...heads), ['token-a', 'token-b', 'id-of-agent']);
  });

  test('is not of a token that names somebody and proves nothing', () => {
    const forged = { state: IdentityState.UNVERIFIABLE };
    const stage = staged({ forged, wrong: { state: IdentityState.INVALID } });
    const heads = ['forged', 'wrong', 'never-seen'].map((token) => get(`Authorization: Bearer ${token}`));
    assert.deepEqual(requests(stage, ...heads), ['id-of-agent', 'id-of-agent', 'id-of-agent']);
  });

  test('goes by the field that servers go by: not another one before it, and none of two', () => {
    const stage = staged({ own: {}, stolen: {} });
    const heads = [
      get('X-Ms-Authorization: Bearer stolen', 'Authorization: Bearer own'),
      get('Proxy-Authorization: Bearer stolen'),
      get('Authorization: Bearer stolen', 'Authorization: Bearer own'),
    ];
    assert.deepEqual(requests(stage, ...heads), ['own', 'id-of-agent', 'id-of-agent']);
  });

  test('that comes to a server of the session does not say whom the session acts for', () => {
    const stage = staged({ client: {} });
    const head = get('Authorization: Bearer client');
    stage.handle(executed(100, 1, 500), opened({ role: 'server' }), moved('received', 0, head), moved('sent', 0, OK));
    assert.deepEqual(commandsOf(stage), ['id-of-agent']);
  });

  test('that comes to a server has no say in which of its identities that is: not by the name it is asked by', () => {
    const stage = staged({});
    stage.handle(executed(100, 1, 500));
    const session = stage.recorder.lineage.sessionOf(SCOPE);
    assert.ok(session);
    const token = { ...NO_IDENTITY, state: IdentityState.VERIFIED, source: IdentitySource.BROKER };
    bind(session, 600, { ...token, identityId: 'chosen', audience: 'https://h' });
    bind(session, 700, { ...token, identityId: 'latest', audience: 'https://elsewhere.example' });
    stage.handle(opened({ role: 'server' }), moved('received', 0, get()), moved('sent', 0, OK));
    assert.deepEqual(commandsOf(stage), ['latest']);
  });
});

describe('a connection to PostgreSQL', () => {
  const message = (tag: string, body: string): string => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(4 + body.length);
    return tag + length.toString('latin1') + body;
  };
  const startup = message('', '\0\x03\0\0user\0agent\0database\0shop\0\0');
  const askPassword = message('R', '\0\0\0\x03');
  const password = (text: string): string => message('p', `${text}\0`);
  const ready = message('R', '\0\0\0\0') + message('Z', 'I');
  const refused = message('E', 'SFATAL\0C28P01\0Mwrong\0\0');
  const query = message('Q', 'select 1\0');
  const answer = message('C', 'SELECT 1\0') + message('Z', 'I');

  test('that was logged in with a token is of it to its end, also when the token expires', () => {
    const expiring = { state: IdentityState.VERIFIED as IdentityState };
    const stage = new StagedRecorder({
      tokenOf: () => ({ ...NO_IDENTITY, identityId: 'token', source: IdentitySource.WIRE, ...expiring }),
    });
    const sent = [startup, password('token-of-entra'), query, query];
    const received = [askPassword, ready, answer, answer];
    stage.handle(executed(100, 1, 500), opened());
    let [out, back] = [0, 0];
    for (const [turn, text] of sent.entries()) {
      const reply = received[turn] as string;
      stage.handle(moved('sent', out, text), moved('received', back, reply));
      out += text.length;
      back += reply.length;
      if (turn === 2) expiring.state = IdentityState.INVALID;
    }
    stage.handle(closed(out, back));
    assert.deepEqual(commandsOf(stage), ['token', 'token', 'token']);
    assert.deepEqual(
      stage.of('connection').map(({ identityId }) => identityId),
      ['id-of-agent', 'token'],
    );
    assert.ok(!JSON.stringify(stage.written).includes('token-of-entra'), 'the token itself is nowhere');
  });

  test('whose login was refused stays what it was', () => {
    const stage = staged({ stolen: {} });
    const sent = startup + password('stolen');
    stage.handle(executed(100, 1, 500), opened(), moved('sent', 0, startup), moved('received', 0, askPassword));
    stage.handle(moved('sent', startup.length, password('stolen')), moved('received', askPassword.length, refused));
    stage.handle(closed(sent.length, askPassword.length + refused.length));
    assert.deepEqual(commandsOf(stage), ['stolen'], 'the login itself is told to be by that token');
    assert.equal(stage.of('connection').at(-1)?.identityId, 'id-of-agent');
  });
});

test('every line of the tree has what is known from then on: processes, connections, losses, the end', () => {
  const stage = staged({});
  stage.handle(executed(100, 1, 500));
  const [session] = stage.started;
  assert.ok(session);
  const about = {
    tenantId: 't',
    blueprintId: 'b',
    kind: 'agent',
    audience: 'a',
    scopes: 's',
    fingerprint: 'f',
  } as const;
  const human = { onBehalfOfId: 'human', onBehalfOfName: 'ada' };
  bind(session, 600, { ...NO_IDENTITY, ...about, ...human, identityId: 'proven', state: IdentityState.VERIFIED });
  stage.handle(executed(101, 100, 2000), opened(), moved('sent', 0, get()), missing('received', 0, 5));
  stage.handle(closed(get().length, 5), exited(101, 9000), exited(100, 9500));
  stage.recorder.finish(10_000);
  const first = stage.of('process')[0];
  const kinds = new Set<string>();
  for (const line of stage.written) {
    // Begun before anything was known.
    if (line === first || line.detail === 'session') continue;
    kinds.add(line.detail);
    assert.deepEqual(
      [line.identityId, line.identityTenant, line.identityBlueprint, line.identityKind, line.onBehalfOfId],
      ['proven', 't', 'b', 'agent', 'human'],
      line.detail,
    );
    assert.deepEqual(
      [line.onBehalfOfName, line.tokenAudience, line.tokenScopes, line.tokenFingerprint],
      ['ada', 'a', 's', 'f'],
    );
  }
  assert.deepEqual([...kinds].sort(), ['command', 'connection', 'loss', 'process']);
  assert.equal(stage.of('session').at(-1)?.identityId, 'proven');
});
