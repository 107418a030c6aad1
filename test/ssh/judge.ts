// SPDX-License-Identifier: Apache-2.0

/** What the record has of a case, against what sshd's forced command has written down and sshd has logged. */
import { createHash } from 'node:crypto';
import type { RecordedCommand } from '../oracle/recording/record.ts';
import type { Case, Stage } from './cases.ts';
import type { Note } from './sshd.ts';

/** What a case left: its rows, its executions on the other side, and sshd's lines meanwhile. */
export interface Left {
  readonly rows: readonly RecordedCommand[];
  readonly notes: readonly Note[];
  readonly log: string;
}

/** Each thing that is not as it should be, as a sentence. */
export function faultsOf(one: Case, stage: Stage, { rows, notes, log }: Left): string[] {
  const faults: string[] = [];
  const executed = notes.filter(({ tty, command }) => tty === '' && !command.endsWith('sftp-server'));
  const wanted = one.commands ?? 1;
  if (executed.length !== wanted) faults.push(`the other side ran ${executed.length} commands, not ${wanted}`);
  const left = rows.filter(({ operation }) => operation === 'exec');
  for (const note of executed) {
    const at = left.findIndex(({ statement }) => statement === note.command);
    if (at < 0) faults.push(`no row: ${note.command.slice(0, 80)}`);
    else faults.push(...differences(left.splice(at, 1)[0] as RecordedCommand, note));
  }
  if (left.length > 0) faults.push(`${left.length} rows too many`);
  const said = rows.map(({ operation, resource, status }) => `${operation} ${resource} ${status}`);
  for (const pattern of one.rows?.(stage) ?? [])
    if (!said.some((row) => pattern.test(row)))
      faults.push(`no row ${pattern} among: ${said.join(', ').slice(0, 600)}`);
  return [...faults, ...loginFaults(rows, log)];
}

function differences({ request, response, attributes, ...row }: RecordedCommand, note: Note): string[] {
  const faults: string[] = [];
  const compare = (what: string, seen: string, wanted: string): void => {
    if (seen !== wanted) faults.push(`${what} ${seen || 'nothing'}, not ${wanted}`);
  };
  // The other side may not have read all that was sent, or have said more than went out before its end.
  if (note.stdin !== undefined) {
    compare('stdin bytes', String(row.requestPayloadBytes), String(note.stdin.bytes));
    compare('stdin', row.requestSha256 || sha256(request), note.stdin.sha256);
  }
  if (note.stdout !== undefined) {
    compare('stdout bytes', String(row.responsePayloadBytes), String(note.stdout.bytes));
    compare('stdout', row.responseSha256 || sha256(response), note.stdout.sha256);
  }
  if (note.stderr !== undefined) compare('stderr', sha256(Buffer.from(attributes['stderr'] ?? '')), note.stderr.sha256);
  if (note.status !== undefined && note.status >= 0)
    compare('exit status', attributes['exit_status'] ?? '', String(note.status));
  if (note.status !== undefined && note.status < 0) compare('exit signal', attributes['exit_signal'] ?? '', 'TERM');
  if (note.word !== '' && !JSON.stringify([attributes, row.parameters]).includes(note.word))
    faults.push('no environment');
  compare('user', attributes['user'] ?? '', 'root');
  return faults;
}

const ACCEPTED = /^Accepted (\w+) for (\w+) from \S+ port (\d+) ssh2(?:: (.*))?$/gm;
const FAILED = /^Failed password for /gm;

/** As many logins as sshd accepted, by the same keys; as many refused by password. */
function loginFaults(rows: readonly RecordedCommand[], log: string): string[] {
  const logins = rows.filter(({ operation }) => operation === 'login');
  const byStatus = (status: string): RecordedCommand[] => logins.filter((row) => row.status === status);
  const accepted = [...log.matchAll(ACCEPTED)];
  const faults: string[] = [];
  if (byStatus('ok').length !== accepted.length) faults.push(`${byStatus('ok').length} logins, not ${accepted.length}`);
  for (const [, method = '', user = '', , key = ''] of accepted) {
    const fingerprint = /SHA256:\S+/.exec(key)?.[0] ?? '';
    const certificate = /ID (\S+)/.exec(key)?.[1] ?? '';
    const isSame = ({ attributes: its }: RecordedCommand): boolean =>
      its['user'] === user &&
      its['auth_method'] === method &&
      (certificate === '' ? (its['key_fingerprint'] ?? '') === fingerprint : its['certificate_id'] === certificate);
    if (!logins.some(isSame)) faults.push(`no login of ${user} by ${method} ${certificate || fingerprint}`);
  }
  const refused = [...log.matchAll(FAILED)].length;
  const seen = byStatus('error').filter(({ attributes }) => attributes['auth_method'] === 'password').length;
  if (seen !== refused) faults.push(`${seen} refused passwords, not ${refused}`);
  return faults;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
