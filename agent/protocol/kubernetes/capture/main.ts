// SPDX-License-Identifier: Apache-2.0

/**
 * Makes a capture of what kubectl says to a kube-apiserver, without its TLS:
 *
 *   bin/node agent/protocol/kubernetes/capture/main.ts NAME HOST:PORT TOKEN COMMAND…     {url} in COMMAND is where it is to ask
 *
 * Of several connections the one with an upgrade is kept, else the longest. The token is put in here, so that none is in the capture.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';
import { writeCapture } from '../../testing/capture-file.ts';
import { ends, normalised, type Script, type Step, sends, totalBytes } from '../../testing/script.ts';

const [name = '', upstream = '', token = '', ...command] = process.argv.slice(2);
const [host = '', port = ''] = upstream.split(':');
const scripts: Step[][] = [];

const server = createServer({ allowHalfOpen: true }, (client) => {
  const script: Step[] = [];
  scripts.push(script);
  const outer = connect(Number(port), host, { rejectUnauthorized: false });
  let isFirst = true;
  client.on('data', (bytes) => {
    script.push(sends('client', bytes));
    const text = bytes.toString('latin1');
    const headEnd = text.indexOf('\r\n');
    const asks = / HTTP\/1\.1\r\n/.test(text.slice(0, headEnd + 2)) && (isFirst || /^[A-Z]+ \//.test(text));
    isFirst = false;
    const authorized = `${text.slice(0, headEnd)}\r\nAuthorization: Bearer ${token}${text.slice(headEnd)}`;
    outer.write(asks ? Buffer.from(authorized, 'latin1') : bytes);
  });
  outer.on('data', (bytes) => {
    script.push(sends('server', bytes));
    client.write(bytes);
  });
  client.on('end', () => {
    script.push(ends('client'));
    outer.end();
  });
  outer.on('end', () => {
    script.push(ends('server'));
    client.end();
  });
  for (const socket of [client, outer]) socket.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const [file = '', ...args] = command.map((word) => word.replaceAll('{url}', url));
const child = spawn(file, args, { stdio: ['inherit', 'inherit', 'inherit'] });
const [code] = (await once(child, 'exit')) as [number];
server.close();
const upgrades = (script: Script) =>
  script.some((step) => step.kind === 'bytes' && Buffer.from(step.bytes).includes('Upgrade: '));
const [kept] = scripts.toSorted(
  (one, other) => Number(upgrades(other)) - Number(upgrades(one)) || totalBytes(other) - totalBytes(one),
);
if (kept === undefined) throw new Error('no connection was made');
writeCapture(new URL(`../captures/${name}.jsonl`, import.meta.url), {
  note: {
    server: 'kube-apiserver v1.34.4, a stand-in for the kubelet behind it',
    client: 'kubectl v1.34.4',
    command: command
      .filter((word) => !word.startsWith('--server'))
      .map((word) => word.replace(/^\/.*\//, ''))
      .join(' '),
    date: new Date().toISOString().slice(0, 10),
  },
  script: normalised(kept),
});
console.log(`${name}: ${totalBytes(kept)} bytes, exit ${code}`);
process.exit(0);
