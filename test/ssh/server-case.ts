// SPDX-License-Identifier: Apache-2.0

/** The host is the target: sshd is the workload, its clients are outsiders. Sessions are tied to key or certificate. */
import { execFileSync } from 'node:child_process';
import { type Recording, startRecording } from '../oracle/recording/recording.ts';
import type { Row } from './run-cases.ts';
import { startSshd, untilListening } from './sshd.ts';

const IDENTITY = 'ssh-host';

export async function serverCase(): Promise<Omit<Row, 'name'>> {
  const sshd = await startSshd(true);
  let recording: Recording | undefined;
  const faults: string[] = [];
  try {
    recording = await startRecording({ identities: [IDENTITY] });
    const server = recording.start(IDENTITY, sshd.command);
    await untilListening(sshd.port, () => server.child.exitCode !== null);
    const say = (word: string, input: string, ...options: string[]): void => {
      execFileSync('/usr/bin/ssh', ['-F', sshd.config, ...options, 'host', `: ${word}; cat`], { input });
    };
    say('by key', 'said');
    say('by certificate', 'said', '-i', sshd.certifiedKeyFile);
    say('by chacha', 'said', '-c', 'chacha20-poly1305@openssh.com');
    say('rekeyed', 'rekeyed '.repeat(50_000), '-o', 'RekeyLimit=64K');
    await server.stop();
    const record = await recording.finish();
    const rows = record.commands.filter(({ protocol, operation }) => protocol === 'ssh' && operation === 'exec');
    for (const { command, stdin } of sshd.notes()) {
      const row = rows.find(({ statement }) => statement === command);
      if (row === undefined) faults.push(`no row: ${command.slice(0, 60)}`);
      else {
        if (row.requestPayloadBytes !== stdin?.bytes)
          faults.push(`${row.requestPayloadBytes} bytes of ${stdin?.bytes}`);
        if (row.role !== 'server') faults.push(`role ${row.role}`);
        const { key_fingerprint: key, certificate_id: certificate } = row.attributes;
        const wanted = command.startsWith(': by certificate')
          ? certificate === 'suite-certificate'
          : key === sshd.userKey;
        if (!wanted) faults.push(`by ${key} ${certificate}: ${command.slice(0, 60)}`);
      }
    }
    if (sshd.notes().length !== 4) faults.push(`${sshd.notes().length} commands were run`);
    for (const { place, reason, bytes } of record.losses) faults.push(`loss ${place} ${reason} ${bytes}`);
    const unread = record.connections
      .filter(({ action, protocol }) => action === 'closed' && protocol === 'ssh')
      .reduce((sum, { sent, received }) => sum + sent.unreadable + received.unreadable, 0);
    if (unread > 0) faults.push(`${unread} bytes were not read`);
    return { ok: faults.length === 0, faults, unread };
  } catch (error) {
    return { ok: false, faults: [...faults, String(error).slice(0, 600)], unread: 0 };
  } finally {
    await recording?.stop();
    await sshd.stop();
  }
}
