// SPDX-License-Identifier: Apache-2.0

/** The control socket with a real kernel behind it: who knocks is what SO_PEERCRED says. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loadAddon } from '../source/ebpf/addon.ts';
import { type ControlHandlers, ControlServer, type Peer, type RunRequest } from './control-server.ts';

interface Answer {
  readonly status: number;
  readonly body: { readonly [name: string]: unknown };
}

describe('the control socket', () => {
  const { peerOf } = loadAddon();
  const asked: { readonly request: RunRequest; readonly peer: Peer; readonly inherited: object }[] = [];
  const handlers: ControlHandlers = {
    run: async (request, peer, inherited) => {
      asked.push({ request, peer, inherited });
      if (request.identity === 'breaks') throw new Error('it broke');
      if (request.identity === 'nobody') return { kind: 'refused', reason: 'not for you' };
      return { kind: 'ready', sessionId: 's1', environment: { A: 'b' } };
    },
    status: (peer) => ({ seen: peer }),
    policies: (peer) => ({ kind: 'answer', body: { listedFor: peer } }),
    checkPolicy: async (request, peer) =>
      request.pid === 1
        ? { kind: 'refused', reason: 'not that one' }
        : { kind: 'answer', body: { checked: request, seen: peer } },
    reloadPolicies: async (peer) => ({ kind: 'answer', body: { reloadedFor: peer } }),
  };
  let folder = '';
  let path = '';
  let server: ControlServer;

  beforeEach(async () => {
    asked.length = 0;
    folder = mkdtempSync(join(tmpdir(), 'sworn-control-'));
    path = join(folder, 'agent.sock');
    server = new ControlServer(path, peerOf, handlers);
    await server.listen();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function ask(method: string, url: string, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = request({ socketPath: path, method, path: url }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          assert.equal(response.headers['content-type'], 'application/json');
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] });
        });
      });
      asking.on('error', reject);
      asking.end(body);
    });
  }
  const run = (body: unknown): Promise<Answer> => ask('POST', '/v1/runs', JSON.stringify(body));

  it('may be knocked at by anyone, and knows from the kernel who it is', async () => {
    assert.equal(statSync(path).mode & 0o777, 0o666);
    const peer = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    assert.deepEqual(await ask('GET', '/v1/status'), { status: 200, body: { seen: peer } });
    await run({ identity: 'a', pid: 1, uid: 0, peer: { pid: 1 } });
    assert.deepEqual({ ...asked[0]?.peer }, peer, 'whatever the request says');
  });

  it('hands on what is asked for, and the answer', async () => {
    const inherited = { NO_PROXY: 'x', COUNT: 5, NESTED: {} };
    const answer = await run({ identity: 'a', workload: 'w', inherited });
    assert.deepEqual(answer, { status: 200, body: { session_id: 's1', environment: { A: 'b' } } });
    assert.deepEqual(asked[0]?.request, { identity: 'a', workload: 'w' });
    assert.deepEqual({ ...asked[0]?.inherited }, { NO_PROXY: 'x' }, 'texts only');
  });

  it('says why it refuses', async () => {
    assert.deepEqual(await run({ identity: 'nobody' }), { status: 403, body: { message: 'not for you' } });
  });

  it('hands on questions about policies, with who asks', async () => {
    const seen = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    const check = (body: object): Promise<Answer> => ask('POST', '/v1/policies/check', JSON.stringify(body));
    assert.deepEqual(await ask('GET', '/v1/policies'), { status: 200, body: { listedFor: seen } });
    assert.deepEqual(await ask('POST', '/v1/policies/reload'), { status: 200, body: { reloadedFor: seen } });
    const checked = { pid: 5, resource: 'r', interface: 'unix' };
    assert.deepEqual(await check({ ...checked, uid: 0 }), { status: 200, body: { checked, seen } });
    assert.deepEqual(await check({ pid: 6 }), { status: 200, body: { checked: { pid: 6 }, seen } });
    assert.deepEqual(await check({ pid: 1 }), { status: 409, body: { message: 'not that one' } });
    for (const body of [
      {},
      [],
      { pid: '5' },
      { pid: 0 },
      { pid: 1.5 },
      { pid: 5, resource: 1 },
      { pid: 5, interface: {} },
    ]) {
      assert.equal((await check(body)).status, 400, JSON.stringify(body));
    }
  });

  it('does not understand what is no request', async () => {
    const bodies = ['', '{', 'null', '[]', '5', '{}', '{"identity":5}', '{"identity":"a","workload":null}'];
    bodies.push('{"identity":"a","inherited":"abc"}', '{"identity":"a","inherited":["b"]}');
    for (const body of bodies) assert.equal((await ask('POST', '/v1/runs', body)).status, 400, body);
    assert.equal(asked.length, 0);
  });

  it('has nothing elsewhere', async () => {
    for (const [method, url] of [
      ['GET', '/'],
      ['POST', '/v1/status'],
      ['GET', '/v1/runs'],
      ['DELETE', '/v1/runs'],
      ['POST', '/v1/runs/../status'],
    ] as const) {
      assert.equal((await ask(method, url)).status, 404, `${method} ${url}`);
    }
  });

  it('takes no request above its bound', async () => {
    const answer = await run({ identity: 'a', inherited: { A: 'x'.repeat(64 * 1024) } });
    assert.equal(answer.status, 413);
    assert.equal(asked.length, 0);
    assert.equal((await run({ identity: 'a' })).status, 200);
  });

  it('outlives a handler that breaks', async () => {
    assert.deepEqual(await run({ identity: 'breaks' }), { status: 500, body: { message: 'it broke' } });
    assert.equal((await run({ identity: 'a' })).status, 200);
  });

  it('outlives a caller that speaks no HTTP, and one that hangs up', async () => {
    for (const words of ['\0\0\0\0\r\n\r\n', 'POST /v1/runs HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"id']) {
      const socket = connect(path);
      await new Promise<void>((resolve) => socket.write(words, () => resolve()));
      socket.destroy();
    }
    assert.equal((await run({ identity: 'a' })).status, 200);
  });

  it('closes although somebody holds a connection open, and leaves nothing', async () => {
    const socket = connect(path);
    await new Promise((resolve) => socket.once('connect', resolve));
    const gone = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await gone;
    assert.ok(!existsSync(path));
  });

  it('is not taken from an agent that lives', async () => {
    const other = new ControlServer(path, peerOf, handlers);
    await assert.rejects(other.listen(), (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, 'EADDRINUSE');
      assert.ok(error.message.includes(path));
      return true;
    });
    assert.equal((await ask('GET', '/v1/status')).status, 200);
  });

  it('is taken over from an agent that was killed', async () => {
    const left = join(folder, 'left.sock');
    writeFileSync(left, '');
    const next = new ControlServer(left, peerOf, handlers);
    await next.listen();
    assert.ok(statSync(left).isSocket());
    await next.close();
  });
});
