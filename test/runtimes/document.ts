// SPDX-License-Identifier: Apache-2.0

/** The rows of the matrix as a document for people. */
import { hostLine, type Row } from './judge.ts';

const HEAD = `# Clients whose TLS Sworn reads

Written by \`npm run test:runtimes -- --write-docs docs/RUNTIMES.md\`; test/runtimes/README.md says what is done. Each client
asks a real server for several things, in a process that ends at once and in one that lives a while; what the record has is
compared with what the server had, to the byte.

- **read**: every request and every reply is in the record, and nothing else
- **found**: it cannot be read; a \`tls_unreadable\` finding names program, server and bytes
- **not ok**: neither

*held*: how often a connection's first segment had to wait until the agent had looked at what its process maps, and
for how long at most.
`;

export function documentOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { client, version, library, tls, found } = row;
    return `| ${[`${client} ${version}`, library, tls || 'none', outcomeOf(row), found, heldIn(row)].join(' | ')} |`;
  });
  const table = [
    '| client | TLS by | version | outcome | library found | held |',
    '|---|---|---|---|---|---|',
    ...lines,
  ];
  return `${HEAD}\n${hostLine()}.\n\n${table.join('\n')}\n`;
}

function heldIn({ held, heldMs }: Row): string {
  return heldMs > 0 ? `${held}, ${Math.round(heldMs)} ms` : String(held);
}

function outcomeOf({ ok, seen, reason }: Row): string {
  if (!ok) return `not ok: ${reason.replaceAll('|', '\\|')}`;
  return seen === 'readable' ? 'read' : 'found';
}
