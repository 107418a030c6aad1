// SPDX-License-Identifier: Apache-2.0

/** What the record says of encryption, from the journal of an agent that has stopped: beside test/oracle/recording. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../../agent/journal/journal.ts';
import { readBack } from '../../agent/journal/reading-back.ts';
import type { Recording } from '../oracle/recording/recording.ts';

export interface Finding {
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly bytes: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface EncryptedConnection {
  readonly connectionId: string;
  /** The workload's. */
  readonly localPort: number;
  readonly remotePort: number;
  readonly protocol: string;
  readonly tls: string;
  readonly serverName: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** On the wire, as its socket counted. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly unreadableBytes: number;
  /** Inside of TLS: sums over the connection's commands. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

export interface EncryptedRecord {
  /** As they were when they ended. */
  readonly connections: readonly EncryptedConnection[];
  readonly findings: readonly Finding[];
}

export async function readEncryptedRecord({ folder, journalFolder }: Recording): Promise<EncryptedRecord> {
  const agentId = readFileSync(join(folder, 'agent/agent-id'), 'utf8').trim();
  const journal = await Journal.open({ folder: journalFolder, agentId, host: hostname() });
  try {
    const activities = await readBack(journal, 1, { bytesMax: 16 * 1024 * 1024, entryBytesMax: 2 ** 31 });
    const asked = new Map<string, { request: number; response: number }>();
    const connections: EncryptedConnection[] = [];
    const findings: Finding[] = [];
    for (const { connectionId, command, connection, finding } of activities) {
      if (command) {
        const sum = asked.get(connectionId) ?? { request: 0, response: 0 };
        sum.request += Number(command.requestBytes);
        sum.response += Number(command.responseBytes);
        asked.set(connectionId, sum);
      }
      if (finding) {
        const { kind, subject, message, bytes, attributes } = finding;
        findings.push({
          kind: kind ?? '',
          subject: subject ?? '',
          message: message ?? '',
          bytes: Number(bytes),
          attributes: { ...attributes },
        });
      }
      if (connection?.sent && connection.received && connection.transport === 'tcp') {
        const { sent, received } = connection;
        connections.push({
          connectionId,
          localPort: connection.localPort ?? 0,
          remotePort: connection.remotePort ?? 0,
          protocol: connection.protocol ?? '',
          tls: connection.tls ?? '',
          serverName: connection.serverName ?? '',
          attributes: { ...connection.attributes },
          sentBytes: Number(sent.moved),
          receivedBytes: Number(received.moved),
          unreadableBytes: Number(sent.unreadable) + Number(received.unreadable),
          requestBytes: 0,
          responseBytes: 0,
        });
      }
    }
    // An opening and an end; the end, or a failure, is the later one.
    const latest = new Map(connections.map((one) => [one.connectionId, one]));
    return {
      findings,
      connections: [...latest.values()].map((one) => ({
        ...one,
        requestBytes: asked.get(one.connectionId)?.request ?? 0,
        responseBytes: asked.get(one.connectionId)?.response ?? 0,
      })),
    };
  } finally {
    await journal.close();
  }
}
