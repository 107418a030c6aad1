// SPDX-License-Identifier: Apache-2.0

/** The rows of the matrix as a document for people. */
import { hostLine } from '../runtimes/judge.ts';
import type { Row } from './row.ts';
import { WAYS } from './ways.ts';

const HEAD = `# Clients that get their tokens from Sworn

Written by \`npm run test:identity -- --write-docs docs/CLIENTS.md\`; test/identity/README.md says what is done. Each client
is unmodified and asks the broker of a real agent, as a workload in a network that leads nowhere else. What it holds is
compared with what the stand-in for Entra issued, and with the record.

- **token**: it holds the token that was issued to the bound identity for its resource; the record has that token once for
  each request, with the process that asked; asking again makes no request (az, which runs anew, makes one each time); it
  knows when to ask anew
- **refused**: it ends at once, after one request (and its probe, where it has one), and its error names the broker's reason
- **silent**: refused too, but its error does not repeat the broker's reason, which the record has
- **–**: the client cannot be told so
- with the interface **workload-identity** it asks Entra itself, with the file that the broker wrote; the record has the file
  and the token on the wire (but for Java, whose TLS is not read)
`;

export function documentOf(rows: readonly Row[]): string {
  const ways = WAYS.filter(({ name }) => rows.some(({ way }) => way === name));
  const head = ['client', 'version', 'runs in', 'interface', ...ways.map(({ name }) => name)];
  const lines = [...Map.groupBy(rows, ({ client, flavour }) => `${client} ${flavour}`).values()].map((group) => {
    const [{ client, library, version, runtime, flavour }] = group as [Row, ...Row[]];
    const cells = ways.map(({ name }) => cellOf(group.find(({ way }) => way === name)));
    return [client, `${library} ${version}`, runtime, flavour, ...cells];
  });
  const explained = ways.map(({ name, about }) => `- \`${name}\`: ${about}`);
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const slowest = Math.max(0, ...rows.filter(({ outcome }) => outcome !== 'token').map(({ brokerMs }) => brokerMs));
  const after = `The slowest refusal took the broker ${slowest} ms, from the request to its answer.`;
  return `${HEAD}\n${explained.join('\n')}\n\n${hostLine()}.\n\n${table.join('\n')}\n\n${after}\n`;
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return '–';
  if (!row.ok) return `not ok: ${row.reason.replaceAll(/[|\n]/g, ' ')}`;
  if (row.outcome === 'token') return 'token';
  return row.said.includes(row.outcome.toUpperCase()) ? 'refused' : 'silent';
}
