// SPDX-License-Identifier: Apache-2.0

/**
 * The demo's third workload: an agent that looks after machines. It calls tools of a server of MCP that it starts, commands
 * another host over SSH, and asks a service over HTTP/2.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ManagedIdentityCredential } from '@azure/identity';

const { INVOICE_API, TOOL_SERVER, SSH_CONFIG } = process.env;

const { token } = await new ManagedIdentityCredential().getToken('https://graph.microsoft.com/.default');

const server = spawn('/usr/bin/python3', [TOOL_SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
const say = (message) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
let asked = 0;
async function ask(method, params) {
  say({ id: ++asked, method, params });
  return JSON.parse((await answers.next()).value);
}
const clientInfo = { name: 'ops-agent', version: '1.0' };
await ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
say({ method: 'notifications/initialized' });
await ask('tools/list', {});
await ask('tools/call', { name: 'disk_usage', arguments: { path: '/' } });
await ask('tools/call', { name: 'clear_cache', arguments: { path: '/var/cache' } });
await ask('tools/call', { name: 'reboot', arguments: {} });
server.stdin.end();

if (SSH_CONFIG !== undefined) {
  const ssh = (command, input = '') => {
    try {
      execFileSync('ssh', ['-F', SSH_CONFIG, 'db-1', command], { input, stdio: ['pipe', 'ignore', 'ignore'] });
    } catch (error) {
      console.log(`${command}: exit code ${error.status}`);
    }
  };
  ssh('uname -s; nproc');
  ssh('sort -n | tail -n 1', '3\n17\n5\n');
  ssh('ls /backups/2026-11-22');
}

const header = `authorization: Bearer ${token}`;
const urls = ['health', 'invoices?state=open'].map((path) => `${INVOICE_API}/${path}`);
execFileSync('curl', ['-sS', '--http2', '-H', '@-', ...urls], { input: header, stdio: ['pipe', 'ignore', 'inherit'] });
