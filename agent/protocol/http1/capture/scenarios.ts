// SPDX-License-Identifier: Apache-2.0

/** What is captured: a client's command, and the server that it talks to. `{url}` and `{port}` are the recorder's. */
import { SECRETS } from './secrets.ts';
import { nodeServer, pythonServer, type RunningServer } from './servers.ts';

export interface Scenario {
  readonly name: string;
  readonly client: 'curl' | 'node' | 'python3';
  /** Arguments of curl, or the program given to Node or Python. */
  readonly command: readonly string[] | string;
  readonly server: () => Promise<RunningServer>;
  /** Which of its connections is kept; the first when not said. */
  readonly connection?: number;
  /** Given to the client as standard input. */
  readonly input?: string;
  readonly remark?: string;
}

const jsonPost = (path: string, body: string) => ['-H', 'Content-Type: application/json', '-d', body, `{url}${path}`];
const curl = (...args: readonly string[]) => ({ client: 'curl' as const, command: ['-s', '-o', '/dev/null', ...args] });
const node = (program: string) => ({ client: 'node' as const, command: program.trim() });
const python = (program: string) => ({ client: 'python3' as const, command: program.trim() });
const next = ['--next', '-s', '-o', '/dev/null'];

export const scenarios: readonly Scenario[] = [
  {
    name: 'curl-bearer',
    ...curl(
      ...['-H', `Authorization: Bearer ${SECRETS.bearerJwt}`, '-H', `X-Api-Key: ${SECRETS.apiKey}`],
      ...['-b', `session=${SECRETS.cookie}`, `{url}/users/42/orders?limit=10&sig=${SECRETS.querySignature}`],
      ...[...next, '-u', `agent:${SECRETS.password}`, ...jsonPost('/items', '{"name":"one"}')],
      ...[...next, '-H', `X-Identity-Header: ${SECRETS.identityHeader}`, '{url}/missing'],
    ),
    server: nodeServer,
  },
  {
    name: 'curl-codings',
    ...curl(
      '--compressed',
      '{url}/gzip',
      '-o',
      '/dev/null',
      '{url}/deflate',
      '-o',
      '/dev/null',
      '{url}/br',
      '-o',
      '/dev/null',
      '{url}/zstd',
    ),
    server: nodeServer,
  },
  {
    name: 'curl-no-body',
    ...curl(
      '-I',
      '{url}/gzip',
      ...next,
      '{url}/none',
      ...next,
      '-H',
      'If-None-Match: "a"',
      '{url}/unchanged',
      ...next,
      '{url}/after',
    ),
    server: nodeServer,
  },
  {
    name: 'curl-chunked-both-ways',
    ...curl(
      '-H',
      'Transfer-Encoding: chunked',
      '-H',
      'Content-Type: text/plain',
      '-d',
      'z'.repeat(5000),
      '{url}/trailers',
    ),
    server: nodeServer,
  },
  {
    name: 'curl-expect-continue',
    ...curl('-H', 'Expect: 100-continue', ...jsonPost('/upload', JSON.stringify({ text: 'a'.repeat(3000) }))),
    server: nodeServer,
  },
  {
    name: 'curl-expect-refused',
    ...curl('-H', 'Expect: 100-continue', ...jsonPost('/refused', JSON.stringify({ text: 'a'.repeat(3000) }))),
    server: nodeServer,
  },
  {
    name: 'curl-early-error',
    ...curl('-H', 'Expect:', '-H', 'Content-Type: text/plain', '--data-binary', '@-', '{url}/too-large'),
    input: 'b'.repeat(2_000_000),
    server: nodeServer,
  },
  { name: 'curl-large-reply', ...curl('{url}/large'), server: nodeServer },
  {
    name: 'curl-oauth',
    ...curl(
      ...['-d', 'grant_type=client_credentials', '-d', 'client_id=app', '--data-urlencode'],
      ...[`client_secret=${SECRETS.clientSecret}`, '-d', 'scope=api/.default', '{url}/oauth2/token'],
    ),
    server: nodeServer,
  },
  {
    name: 'curl-connect',
    ...curl(
      '-p',
      '-x',
      `http://proxy:${SECRETS.proxyPassword}@127.0.0.1:{port}`,
      'http://service.internal:8080/inside',
    ),
    server: nodeServer,
    remark: 'the proxy tunnels to itself',
  },
  {
    name: 'curl-absolute-form',
    ...curl('-x', '{url}', `http://agent:${SECRETS.password}@service.internal/things/7?view=full`),
    server: nodeServer,
  },
  {
    name: 'curl-h2c-refused',
    ...curl('--http2', '{url}/plain', ...next, '--http1.1', '{url}/plain'),
    server: nodeServer,
    remark: 'the server passes over the upgrade and answers in HTTP/1.1',
  },
  { name: 'curl-close-delimited', ...curl('{url}/'), server: pythonServer },
  {
    name: 'node-fetch',
    ...node(`
      await (await fetch('{url}/gzip')).text();
      await (await fetch('{url}/items/1', { method: 'PUT', body: JSON.stringify({ a: 1 }), headers: { authorization: 'Bearer ${SECRETS.bearerJwt}' } })).text();
      await (await fetch('{url}/session')).text();
    `),
    server: nodeServer,
  },
  {
    name: 'node-fetch-stream',
    ...node(`
      const body = new ReadableStream({ start(c) { for (const part of ['one ', 'two ', 'three']) c.enqueue(new TextEncoder().encode(part)); c.close(); } });
      await (await fetch('{url}/stream', { method: 'POST', body, duplex: 'half' })).text();
    `),
    server: nodeServer,
  },
  {
    name: 'node-early-hints',
    ...node(`
      const http = await import('node:http');
      await new Promise((done) => http.get('{url}/hints', (reply) => reply.resume().on('end', done)));
    `),
    server: nodeServer,
  },
  {
    name: 'node-websocket',
    ...node(`
      const socket = new WebSocket('{url}/live'.replace('http', 'ws'));
      await new Promise((done) => { socket.onclose = done; socket.onerror = done; });
    `),
    server: nodeServer,
  },
  {
    name: 'node-pipelined',
    ...node(`
      const { connect } = await import('node:net');
      const socket = connect({port}, '127.0.0.1');
      socket.resume();
      for (const head of ['GET /gzip', 'HEAD /gzip', 'GET /missing', 'DELETE /items/3']) socket.write(head + ' HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n');
      setTimeout(() => socket.end(), 200);
      await new Promise((done) => socket.on('close', done));
    `),
    server: nodeServer,
    remark: 'the client is a script that writes four requests at once',
  },
  {
    name: 'node-request-timeout',
    ...node(`
      const { connect } = await import('node:net');
      const socket = connect({port}, '127.0.0.1');
      socket.resume();
      socket.write('GET /slow HTTP/1.1\\r\\nHost: h\\r\\n');
      await new Promise((done) => socket.on('close', done));
    `),
    server: nodeServer,
    remark: 'the client never ends its head, and the server gives up',
  },
  {
    name: 'python-http-client',
    ...python(`
import http.client
c = http.client.HTTPConnection('127.0.0.1', {port})
c.request('HEAD', '/gzip'); c.getresponse().read()
c.request('PUT', '/items/550e8400-e29b-41d4-a716-446655440000', body=iter([b'part one, ', b'part two']), headers={'Transfer-Encoding': 'chunked'}, encode_chunked=True); c.getresponse().read()
c.request('DELETE', '/items/9'); c.getresponse().read()
c.close()
    `),
    server: nodeServer,
  },
  {
    name: 'python-urllib',
    ...python(`
import urllib.request
r = urllib.request.Request('{url}/things?q=caf%C3%A9&q=tea&api-version=2024-01-01', headers={'Authorization': 'Bearer ${SECRETS.bearerJwt}'})
urllib.request.urlopen(r).read()
    `),
    server: nodeServer,
  },
  {
    name: 'python-requests',
    ...python(`
import requests
s = requests.Session()
s.get('{url}/session')
s.post('{url}/items', json={'name': 'two'}, auth=('agent', '${SECRETS.password}'))
s.get('{url}/gzip')
    `),
    server: nodeServer,
  },
];
