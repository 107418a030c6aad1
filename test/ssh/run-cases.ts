// SPDX-License-Identifier: Apache-2.0

/** Runs cases one after the other, each as a workload of an identity of its own, and judges what the record has of them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../deploy/testing/free-ports.ts';
import type { RunRecord } from '../oracle/recording/record.ts';
import { type Recording, startRecording } from '../oracle/recording/recording.ts';
import type { Case, Stage } from './cases.ts';
import { faultsOf, type Left } from './judge.ts';
import { startSshd } from './sshd.ts';

export interface Row {
  readonly name: string;
  readonly ok: boolean;
  /** What is not as it should be. */
  readonly faults: readonly string[];
  /** Bytes of its SSH connections that were not read, or not understood. */
  readonly unread: number;
}

export interface Ran {
  readonly rows: readonly Row[];
  readonly record: RunRecord;
}

/** `say` hears of each case when it was run; what the record has of it is only known in the end. */
export async function runCases(cases: readonly Case[], say: (text: string) => void = () => undefined): Promise<Ran> {
  const web = createServer((_, response) => response.end('w'.repeat(5000))).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const sshd = await startSshd();
  let recording: Recording | undefined;
  try {
    const identities = cases.map((_, index) => identityOf(index));
    recording = await startRecording({ identities });
    const left: (Omit<Left, 'rows'> & { readonly error: string; readonly stage: Stage })[] = [];
    for (const [index, one] of cases.entries()) {
      const before = {
        notes: sshd.notes().map(({ connection, command }) => connection + command),
        log: sshd.log().length,
      };
      const stage: Stage = {
        sshd,
        webPort: (web.address() as AddressInfo).port,
        freePorts: [await freePort(), await freePort(), await freePort()],
        run: (command, how) => (recording as Recording).run(identityOf(index), command, how),
      };
      const error = await one.run(stage).then(
        () => '',
        (failure: unknown) => String(failure).slice(0, 600),
      );
      const notes = sshd.notes().filter(({ connection, command }) => !before.notes.includes(connection + command));
      left.push({ notes, log: sshd.log().slice(before.log), error, stage });
      say(`${error === '' ? 'ran ' : 'FAIL'} ${one.name} ${error}`);
    }
    const record = await recording.finish();
    const rows = cases.map((one, index) => rowOf(one, left[index]!, record, index));
    return { rows, record };
  } finally {
    await recording?.stop();
    await sshd.stop();
    web.close();
    web.closeAllConnections();
  }
}

/** Of the terminal that a case opens on this host: its first moments may be missed, and say so (docs/EVASION.md). */
const HOST_TERMINALS = 'stream';

const identityOf = (index: number): string => `case-${index}`;

function rowOf(
  one: Case,
  left: Omit<Left, 'rows'> & { readonly error: string; readonly stage: Stage },
  record: RunRecord,
  index: number,
): Row {
  const isOf = ({ identityName }: { readonly identityName: string }): boolean => identityName === identityOf(index);
  const rows = record.commands.filter((row) => isOf(row) && row.protocol === 'ssh');
  const closed = record.connections.filter((row) => isOf(row) && row.action === 'closed' && row.protocol === 'ssh');
  const unread = closed.reduce(
    (sum, { sent, received }) =>
      sum + sent.unreadable + received.unreadable + sent.notUnderstood + received.notUnderstood,
    0,
  );
  const faults = left.error === '' ? faultsOf(one, left.stage, { ...left, rows }) : [left.error];
  if (unread > 0) faults.push(`${unread} bytes were not read`);
  for (const { place, reason, bytes } of record.losses.filter(isOf))
    if (place !== HOST_TERMINALS) faults.push(`loss ${place} ${reason} ${bytes}`);
  return { name: one.name, ok: faults.length === 0, faults, unread };
}
