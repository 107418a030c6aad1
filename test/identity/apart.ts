// SPDX-License-Identifier: Apache-2.0

/** Runs a program that plays rows where no network leads out. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../runtimes/toolbox.ts';

/**
 * `player PLAN.json`, in a network namespace that has loopback and nothing else: SDKs that look for a cloud's metadata
 * service find none. Clients of Azure Arc read a folder in /var/opt, and no other: it is one of this mount namespace alone.
 *
 * Errors   an Error with what it said last, when it ends with anything but 0
 */
export async function playApart<Row>(player: string, plan: object, say: (text: string) => void): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-identity-'));
  const file = join(folder, 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `${readFileSync('/etc/hosts', 'utf8')}\n127.0.0.1 login.microsoftonline.com\n`);
  const mounts = `mount -t tmpfs tmpfs /var/opt && mount --bind ${hosts} /etc/hosts`;
  const setUp = `ip link set lo up && ${mounts} && exec "$0" "$@"`;
  const inside = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', setUp];
  const child = spawn('unshare', [...inside, join(root, 'bin/node'), player, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const rows: Row[] = [];
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => rows.push(JSON.parse(line) as Row));
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    say(line);
  });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (code !== 0) throw new Error(`the stage ended with ${code}:\n${said.slice(-20).join('\n')}`);
    return rows;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    rmSync(folder, { recursive: true, force: true });
  }
}
