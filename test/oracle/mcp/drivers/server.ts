// SPDX-License-Identifier: Apache-2.0

/**
 * A server of MCP.
 *
 *   node server.ts SDK LOG http    on a port of loopback that it prints
 *   node server.ts SDK LOG stdio
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromSdk, logged } from './sdk.ts';

const [sdk = '', log = '', way = ''] = process.argv.slice(2);
const { Server } = fromSdk(sdk, 'server/index.js');
const types = fromSdk(sdk, 'types.js');

type Call = { params: { name: string; arguments?: Record<string, unknown> } };

function newServer() {
  const server = new Server({ name: 'oracle-server', version: '2.0' }, { capabilities: { tools: {} } });
  const text = (said: string) => ({ content: [{ type: 'text', text: said }] });
  server.setRequestHandler(types.ListToolsRequestSchema, async () => ({
    tools: ['add', 'run', 'large', 'fail', 'ask'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  }));
  server.setRequestHandler(types.CallToolRequestSchema, async ({ params }: Call) => {
    const given = params.arguments ?? {};
    if (params.name === 'add') return text(String(Number(given['a']) + Number(given['b'])));
    if (params.name === 'run')
      return text(execFileSync(String(given['file']), { stdio: 'ignore' })?.toString() ?? 'ran');
    if (params.name === 'large') return text(String(given['text']).toUpperCase());
    if (params.name === 'fail') return { ...text('it broke'), isError: true };
    if (params.name === 'ask') {
      const said = await server.createMessage({ maxTokens: 5, messages: [] });
      return text(said.content.text);
    }
    throw new types.McpError(-32602, `no tool ${params.name}`);
  });
  return server;
}

if (way === 'stdio') {
  const { StdioServerTransport } = fromSdk(sdk, 'server/stdio.js');
  await newServer().connect(logged(new StdioServerTransport(), log));
} else {
  const { StreamableHTTPServerTransport } = fromSdk(sdk, 'server/streamableHttp.js');
  const sessions = new Map<string, { handleRequest(...given: unknown[]): Promise<void> }>();
  const http = createServer(async (request: IncomingMessage, response) => {
    const id = String(request.headers['mcp-session-id'] ?? '');
    let transport = sessions.get(id);
    if (transport === undefined) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (given: string) => sessions.set(given, transport as never),
      });
      await newServer().connect(logged(transport, log));
    }
    await transport?.handleRequest(request, response);
  });
  http.listen(0, '127.0.0.1', () => console.log((http.address() as AddressInfo).port));
}
