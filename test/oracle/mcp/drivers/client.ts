// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: a client of MCP.
 *
 *   node client.ts SDK LOG URL                 over HTTP
 *   node client.ts SDK LOG COMMAND ARGUMENT…   over stdio
 */
import { fromSdk, logged } from './sdk.ts';

setTimeout(() => process.exit(2), 60_000).unref();
const [sdk = '', log = '', target = '', ...rest] = process.argv.slice(2);
const { Client } = fromSdk(sdk, 'client/index.js');
const { CreateMessageRequestSchema } = fromSdk(sdk, 'types.js');

function transport() {
  if (target.startsWith('http')) {
    const { StreamableHTTPClientTransport } = fromSdk(sdk, 'client/streamableHttp.js');
    return new StreamableHTTPClientTransport(new URL(target));
  }
  const { StdioClientTransport } = fromSdk(sdk, 'client/stdio.js');
  return new StdioClientTransport({ command: target, args: rest, stderr: 'inherit' });
}

const client = new Client({ name: 'oracle-client', version: '1.0' }, { capabilities: { sampling: {} } });
client.setRequestHandler(CreateMessageRequestSchema, async () => ({
  model: 'none',
  role: 'assistant',
  content: { type: 'text', text: 'sampled ☃' },
}));
await client.connect(logged(transport(), log));
await client.listTools();
await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
await client.callTool({ name: 'run', arguments: { file: '/bin/true' } });
await client.callTool({ name: 'large', arguments: { text: 'x'.repeat(100_000) } });
await client.callTool({ name: 'fail', arguments: {} });
if (process.env['SAMPLES'] !== undefined) await client.callTool({ name: 'ask', arguments: {} });
await client.callTool({ name: 'unknown', arguments: {} }).catch(() => {});
await Promise.all(Array.from({ length: 20 }, (_, n) => client.callTool({ name: 'add', arguments: { a: n, b: n } })));
await client.close();
