// SPDX-License-Identifier: Apache-2.0

/** A row of the matrix, and when it is ok. */
import { execFileSync } from 'node:child_process';
import type { Comparison } from './compare.ts';
import type { EncryptedConnection, EncryptedRecord, Finding } from './encrypted-record.ts';
import type { Runtime } from './runtimes.ts';
import type { TlsVersion } from './stage.ts';

export interface Row {
  readonly name: string;
  readonly client: string;
  readonly version: string;
  readonly protocol: Runtime['protocol'];
  readonly tls: TlsVersion;
  /** By the server's word, of all connections. */
  readonly spoken: readonly string[];
  /** Connections that went on with an earlier one's secrets; null where the server does not say. */
  readonly resumed: number | null;
  readonly library: string;
  /** Which library the agent says it found. */
  readonly found: string;
  readonly expect: 'readable' | 'unreadable';
  readonly seen: 'readable' | 'unreadable' | 'partly' | 'absent';
  /** Requests or statements that the server had, and how many of them are in the record. */
  readonly asked: number;
  readonly read: number;
  readonly requestsEqual: boolean;
  readonly responsesEqual: boolean;
  /** A `tls_unreadable` finding says where what to whom, and of how many bytes. */
  readonly isFound: boolean;
  /** How often a connection's first segment had to wait, until what its process maps was probed. */
  readonly held: number;
  /** The longest that the first segment of a connection waited. */
  readonly heldMs: number;
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly reason: string;
}

const REASONS_MAX = 4;

/** `row`: what is known before the record was looked at. */
export function judged(row: Row, comparison: Comparison, { connections, findings }: EncryptedRecord): Row {
  const { asked, read, requestsEqual, responsesEqual, differences } = comparison;
  const isTls = connections.length > 0 && connections.every(({ protocol }) => protocol === 'tls');
  const seen = read > 0 ? (read === asked ? 'readable' : 'partly') : isTls ? 'unreadable' : 'absent';
  const libraries = [...connections, ...findings].map(
    ({ attributes }) => attributes['tls_library'] ?? attributes['library'],
  );
  const found = [...new Set(libraries.filter((library) => library !== undefined))].join(', ');
  const heldUs = Math.max(0, ...connections.map(({ attributes }) => Number(attributes['held_us'] ?? 0)));
  const isFound = isTls && findingTellsAll(findings, connections);
  const reasons = [
    ...(row.spoken.join() === row.tls ? [] : [`spoken was ${row.spoken.join(', ') || 'nothing'}`]),
    ...(row.expect === seen ? [] : [`expected ${row.expect}, it is ${seen}: ${read} of ${asked}`]),
    ...(seen === 'unreadable' && !isFound ? ['no tls_unreadable finding tells of it'] : []),
    ...(seen === 'readable' && !requestsEqual ? ['requests differ'] : []),
    ...(seen === 'readable' && !responsesEqual ? ['responses differ'] : []),
    ...(seen === 'readable' && connections.some(({ tls }) => numberOf(tls) !== numberOf(row.tls))
      ? [`the record says ${connections.map(({ tls }) => tls || 'no TLS').join(', ')}`]
      : []),
    ...differences,
  ];
  return {
    ...{ ...row, heldMs: heldUs / 1000, found, seen, asked, read, requestsEqual, responsesEqual, isFound },
    ok: reasons.length === 0,
    reason: reasons.slice(0, REASONS_MAX).join('; '),
  };
}

/** 'TLS 1.3' of the record is 'TLSv1.3' of servers. */
function numberOf(version: string): string {
  return version.replace(/^TLS\s?v?/, '');
}

/** Findings name the program, the server by name and port, and as many bytes as the connections had unread. */
function findingTellsAll(findings: readonly Finding[], connections: readonly EncryptedConnection[]): boolean {
  const ours = findings.filter(({ kind }) => kind === 'tls_unreadable');
  const told = ours.reduce((sum, { bytes }) => sum + bytes, 0);
  const unread = connections.reduce((sum, { unreadableBytes }) => sum + unreadableBytes, 0);
  return (
    ours.length > 0 &&
    told === unread &&
    connections.every(({ remotePort, serverName }) =>
      ours.some(({ subject, message, attributes }) => {
        const all = [subject, message, ...Object.values(attributes)].join(' ');
        return all.includes(String(remotePort)) && all.includes(serverName) && (attributes['exe'] ?? '') !== '';
      }),
    )
  );
}

/** The kernel and the processor that a table is of. */
export function hostLine(): string {
  const kernel = execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim();
  return `Linux ${kernel}, ${process.arch}`;
}
