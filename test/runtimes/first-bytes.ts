// SPDX-License-Identifier: Apache-2.0

/**
 * Many short-lived clients in a row, each with one request that is also its last: is it in the record? A third each is curl,
 * a static Go program, and a line of Python. Every tenth Go program is a file that nobody has seen before.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRecording } from '../oracle/recording/recording.ts';
import { setStage } from './stage.ts';
import { clients, goProgram } from './tools.ts';

const IDENTITY = 'first_bytes_agent';

export interface FirstBytes {
  readonly asked: number;
  /** With their replies. */
  readonly read: number;
  readonly byClient: Readonly<Record<string, { asked: number; read: number }>>;
  /** Requests of which the record has nothing, and what it says that it lost. */
  readonly missing: readonly string[];
  readonly losses: readonly string[];
  readonly ok: boolean;
}

/** `isPlain`: without TLS, as a control. Errors: an Error when clients do not get their replies. */
export async function firstBytes(count: number, isPlain = false): Promise<FirstBytes> {
  const program = goProgram('https');
  const stage = await setStage();
  const server = await stage.startHttps();
  const place = mkdtempSync(join(tmpdir(), 'sworn-first-bytes-'));
  const recording = await startRecording({ identities: [IDENTITY] });
  try {
    const url = isPlain ? `http://localhost:${server.ports['']}` : `https://localhost:${server.ports['TLSv1.3']}`;
    const environment = { RUNTIME_URL: url, RUNTIME_CA: stage.authorityFile };
    const script = join(clients, 'first-bytes.sh');
    await recording.run(IDENTITY, ['sh', script, String(count), program, place], { environment });
    const record = await recording.finish();
    const { log } = await server.finish();
    const inRecord = new Set(record.commands.filter(({ status }) => status === 'ok').map(({ statement }) => statement));
    const missing: string[] = [];
    const byClient: Record<string, { asked: number; read: number }> = {};
    for (const { method, target } of [...log.exchanges.values()].flat()) {
      const client = target.split('/')[1] ?? '';
      byClient[client] ??= { asked: 0, read: 0 };
      byClient[client].asked++;
      if (inRecord.has(`${method} ${target}`)) byClient[client].read++;
      else missing.push(`${method} ${target}`);
    }
    const all = Object.values(byClient);
    const asked = all.reduce((sum, one) => sum + one.asked, 0);
    const read = all.reduce((sum, one) => sum + one.read, 0);
    if (asked !== count) throw new Error(`the server was asked ${asked} times, not ${count}`);
    const losses = record.losses.map(({ place, reason, events }) => `${place}: ${reason} (${events})`);
    return { asked, read, byClient, missing, losses, ok: read === asked && losses.length === 0 };
  } finally {
    await recording.stop();
    await server.stop();
    await stage.stop();
    rmSync(place, { recursive: true, force: true });
  }
}
