// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { printable } from '../print/terminal-text.ts';
import { askBroker, socketOption } from '../token-socket.ts';

const HELP = `
Says as whom this process may act, and for what, as the broker sees it. Nothing that the process says of itself counts: the
kernel names the process at the other end of the socket, and which workload that belongs to was recorded when it was started.

Exit codes: 0 there is an identity to act as, 1 there is none, 2 asked wrongly or no broker.

Examples:
  sworn whoami
  sworn run --identity invoice-agent -- sworn whoami
  sworn whoami --json`;

/** As the broker answers. */
interface Standing {
  readonly pid: number | null;
  readonly uid: number | null;
  readonly workload: string | null;
  readonly session_id: string | null;
  readonly identity: {
    readonly name: string;
    readonly kind: string;
    readonly tenant: string;
    readonly client_id: string;
    readonly object_id: string | null;
  } | null;
  readonly policy: string | null;
  readonly resources: readonly string[];
  readonly interfaces: readonly string[];
  readonly code?: string;
  readonly message?: string;
}

interface WhoamiOptions {
  readonly json?: boolean;
  readonly socket: string;
}

export function defineWhoami(command: Command): void {
  command
    .option('--json', 'as JSON')
    .addOption(socketOption())
    .addHelpText('after', HELP)
    .action(async ({ json, socket }: WhoamiOptions) => {
      const standing = (await askBroker(socket, 'GET', '/v1/whoami')) as Standing;
      if (json === true) await print(JSON.stringify(standing));
      else for (const [name, text] of linesOf(standing)) await print(`${name.padEnd(11)}${printable(text)}`);
      process.exitCode = standing.identity === null ? EXIT.failed : EXIT.ok;
    });
}

function linesOf(standing: Standing): [name: string, text: string][] {
  const { pid, uid, workload, identity, policy, resources, interfaces, message } = standing;
  const lines: [string, string][] = [
    [
      'process',
      pid === null ? 'could not be made out' : `${pid} of user ${uid}, the peer of the socket as the kernel has it`,
    ],
    ['workload', workload ?? 'none: this process was not started as one, and none of its selectors fits'],
  ];
  if (standing.session_id !== null) lines.push(['session', standing.session_id]);
  if (identity !== null) {
    const { name, kind, client_id: client, tenant } = identity;
    lines.push(['identity', `${name} (${kind} ${client}, tenant ${tenant})`]);
  }
  if (policy !== null) lines.push(['policy', policy]);
  if (resources.length > 0) lines.push(['resources', resources.join(' ')]);
  if (interfaces.length > 0) lines.push(['asked by', interfaces.join(' ')]);
  if (message !== undefined) lines.push(['no tokens', message]);
  return lines;
}
