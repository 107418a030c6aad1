// SPDX-License-Identifier: Apache-2.0

/** Installs the clients of planned rows, and has the rows played where no network leads out. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, ToolMissing } from '../runtimes/toolbox.ts';
import type { Installed } from './clients.ts';
import type { Plan } from './play.ts';
import { failedRow, type Planned, type PlannedRow, type Row, rowName } from './row.ts';

export interface MatrixOptions {
  readonly isTimed: boolean;
  readonly say: (text: string) => void;
}

/** A row for each that was planned, in that order. */
export async function runMatrix(planned: readonly Planned[], { isTimed, say }: MatrixOptions): Promise<Row[]> {
  const installed = new Map<string, Installed | ToolMissing>();
  const rows = new Map<string, Row>();
  const toPlay: PlannedRow[] = [];
  for (const one of planned) {
    const { client, flavour, way } = one;
    const tool = installed.get(client.name) ?? install(one, say);
    installed.set(client.name, tool);
    if (tool instanceof ToolMissing) rows.set(rowName(one), failedRow(one, tool.message));
    else toPlay.push({ client: client.name, flavour: flavour.name, way: way.name, installed: tool });
  }
  if (toPlay.length > 0) for (const row of await playApart({ rows: toPlay, isTimed }, say)) rows.set(row.name, row);
  return planned.map((one) => rows.get(rowName(one)) ?? failedRow(one, 'the stage ended before this row was judged'));
}

function install({ client }: Planned, say: (text: string) => void): Installed | ToolMissing {
  try {
    const tool = client.install();
    say(`${client.name}: ${client.library} ${tool.version}, ${tool.runtime}`);
    return tool;
  } catch (error) {
    if (!(error instanceof ToolMissing)) throw error;
    say(`${client.name}: ${error.message}`);
    return error;
  }
}

/**
 * In a network namespace that has loopback and nothing else: SDKs that look for a cloud's metadata service find none. Clients
 * of Azure Arc read a folder in /var/opt, and no other: it is one of this mount namespace alone.
 */
async function playApart(plan: Plan, say: (text: string) => void): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-identity-'));
  const file = join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  const setUp = 'ip link set lo up && mount -t tmpfs tmpfs /var/opt && exec "$0" "$@"';
  const inside = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', setUp];
  const player = spawn('unshare', [...inside, join(root, 'bin/node'), join(import.meta.dirname, 'play.ts'), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const rows: Row[] = [];
  const said: string[] = [];
  createInterface({ input: player.stdout }).on('line', (line) => rows.push(JSON.parse(line) as Row));
  createInterface({ input: player.stderr }).on('line', (line) => {
    said.push(line);
    say(line);
  });
  const stop = (): void => {
    player.kill('SIGTERM');
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      player.once('error', reject).once('close', resolve);
    });
    if (code !== 0) throw new Error(`the stage ended with ${code}:\n${said.slice(-20).join('\n')}`);
    return rows;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    rmSync(folder, { recursive: true, force: true });
  }
}
