// SPDX-License-Identifier: Apache-2.0

import { type Command, InvalidArgumentError } from 'commander';
import { askAgent } from '../agent-client.ts';
import { EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { DEFAULT_SOCKET } from '../places.ts';
import { colour } from '../print/colour.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const HELP = `
Policies say which processes get tokens of which identity. They stand in the agent's configuration; exactly one must match.

Examples:
  sworn policy check --pid 4711
  sworn policy list
  sworn policy reload`;

const CHECK_HELP = `
Says what the process is to the broker, which policy matches it and what the others want, and what would be asked as whom.
Nothing is asked of Entra, and nothing is recorded. Without --pid, the process that started this command: your shell. Without
--resource or --interface, the first that the policy allows. Root may ask about all processes, others about their own.

Exit codes: 0 a token would be given, 1 none would, 2 asked wrongly or no agent.

Examples:
  sworn policy check --pid 4711
  sworn policy check --pid 4711 --resource https://graph.microsoft.com --interface imds
  sworn policy check --pid $(systemctl show -P MainPID invoices) --json | jq .process.exe_sha256
  sworn run --identity invoice-agent -- sh -c 'sworn policy check'`;

const RELOAD_HELP = `
The running agent reads its configuration again. Policies and identities hold from the next request on; kept tokens are
forgotten. What else has changed is named, and holds after a restart. A configuration that is broken changes nothing.

Exit codes: 0 the new policies hold, 1 they do not, 2 no agent.

Example:
  sworn agent --check && sworn policy reload`;

interface PolicyBody {
  readonly name: string;
  readonly match: Readonly<Record<string, string | number>>;
  readonly identity: string;
  readonly resources: readonly string[];
  readonly advertised_seconds_max: number | null;
  readonly interfaces: readonly string[];
}

interface Verdict extends PolicyBody {
  readonly matches: boolean;
  readonly failed: readonly { readonly selector: string; readonly wanted: string; readonly found: string }[];
}

/** As the agent answers. */
interface Check {
  readonly pid: number;
  readonly workload: string | null;
  readonly session_id: string | null;
  readonly process: {
    readonly exe: string;
    readonly exe_is_at_path: boolean;
    readonly exe_sha256: string | null;
    readonly exe_sha256_missing: string | null;
    readonly cgroup: string;
    readonly unit: string | null;
    readonly container_id: string | null;
    readonly uid: number;
    readonly gid: number;
    readonly real_uid: number;
    readonly real_gid: number;
  } | null;
  readonly policies: readonly Verdict[];
  readonly identity: {
    readonly name: string;
    readonly kind: string;
    readonly tenant: string;
    readonly client_id: string;
  } | null;
  readonly granted: { readonly resource: string; readonly advertised_seconds_max: number } | null;
  readonly refused: { readonly code: string; readonly message: string } | null;
}

interface CheckOptions {
  readonly pid?: number;
  readonly resource?: string;
  readonly interface?: string;
  readonly json?: boolean;
  readonly socket: string;
}

interface ListOptions {
  readonly json?: boolean;
  readonly socket: string;
}

export function definePolicy(command: Command): void {
  command.addHelpText('after', HELP);
  const sub = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET);

  sub('check', 'say which policy matches a process, and why the others do not')
    .option('--pid <pid>', 'the process', pidIn)
    .option('--resource <name>', 'what a token would be for')
    .option('--interface <name>', 'how it would be asked for: app-service, imds, arc, unix, workload-identity')
    .option('--json', 'one JSON object')
    .addHelpText('after', CHECK_HELP)
    .action(async ({ socket, json, pid = process.ppid, ...question }: CheckOptions) => {
      const check = (await askAgent(socket, 'POST', '/v1/policies/check', { pid, ...question })) as Check;
      if (json === true) await print(printableJson(JSON.stringify(check)));
      else await print(checkLines(check).join('\n'));
      process.exitCode = check.granted === null ? EXIT.failed : EXIT.ok;
    });

  sub('list', 'list the policies by which the agent goes now')
    .option('--json', 'one JSON object')
    .action(async ({ socket, json }: ListOptions) => {
      const { policies } = (await askAgent(socket, 'GET', '/v1/policies')) as { policies: readonly PolicyBody[] };
      if (json === true) await print(printableJson(JSON.stringify({ policies })));
      else
        await print(
          policies.length === 0 ? 'no policies: nobody gets tokens' : policies.flatMap(policyLines).join('\n'),
        );
    });

  sub('reload', 'read policies and identities again')
    .addHelpText('after', RELOAD_HELP)
    .action(async ({ socket }: ListOptions) => {
      const answer = (await askAgent(socket, 'POST', '/v1/policies/reload')) as {
        policies: number;
        needs_restart: readonly string[];
      };
      await print(
        answer.policies === 1 ? '1 policy holds from now on' : `${answer.policies} policies hold from now on`,
      );
      if (answer.needs_restart.length === 0) return;
      await print(
        `${colour('yellow', 'after a restart')}: ${answer.needs_restart.map(printable).join(', ')} changed too`,
      );
    });
}

function pidIn(text: string): number {
  const pid = Number(text);
  if (!/^\d+$/.test(text) || pid < 1 || pid > 4_194_304)
    throw new InvalidArgumentError('It is not the id of a process.');
  return pid;
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(13)}${printable(text)}`;
}

function policyLines({ name, match, identity, resources, interfaces, ...policy }: PolicyBody): string[] {
  const seconds = policy.advertised_seconds_max;
  const wanted = Object.entries(match).map(([selector, value]) => `${selector} ${value}`);
  return [
    colour('bold', printable(name)),
    line('match', wanted.join(', ')),
    line('identity', identity),
    line('resources', resources.join(' ')),
    line('asked by', interfaces.join(' ')),
    ...(seconds === null ? [] : [line('kept', `at most ${seconds} s`)]),
  ];
}

function checkLines(check: Check): string[] {
  const { pid, workload, session_id: session, policies } = check;
  const belongs =
    workload === null ? 'no workload' : `workload ${workload}${session === null ? '' : `, session ${session}`}`;
  return [
    printable(`process ${pid}, ${belongs}`),
    ...processLines(check.process),
    ...policies.flatMap(verdictLines),
    ...outcomeLines(check),
  ];
}

const idText = (effective: number, real: number): string =>
  effective === real ? `${real}` : `${effective} (set-uid; started by ${real})`;

function processLines(found: Check['process']): string[] {
  if (found === null) return [];
  const { exe, exe_is_at_path: isAtPath, cgroup, unit, container_id: container } = found;
  const shown = isAtPath ? exe : `${exe}, but the host has another file there, or none`;
  return [
    line('exe', exe === '' ? 'cannot be read' : shown),
    line('exe_sha256', found.exe_sha256 ?? `not made: ${found.exe_sha256_missing}`),
    line('cgroup', cgroup),
    line('unit', unit ?? 'none'),
    line('container_id', container ?? 'none'),
    line('uid', idText(found.uid, found.real_uid)),
    line('gid', idText(found.gid, found.real_gid)),
  ];
}

function verdictLines({ name, matches, failed, interfaces }: Verdict): string[] {
  if (matches) {
    const unattested = interfaces.includes('workload-identity')
      ? [line('mind', 'workload-identity: who reads the token file has the identity; no request is attested')]
      : [];
    return [`policy ${printable(name)} ${colour('green', 'matches')}`, ...unattested];
  }
  return [
    `policy ${printable(name)} does not match`,
    ...failed.map(({ selector, wanted, found }) =>
      line(selector, `wants ${wanted}, found ${found === '' ? 'none' : found}`),
    ),
  ];
}

function outcomeLines({ identity, granted, refused }: Check): string[] {
  const whom =
    identity === null
      ? []
      : [line('as', `${identity.name} (${identity.kind} ${identity.client_id}, tenant ${identity.tenant})`)];
  if (granted !== null) {
    const { resource, advertised_seconds_max: seconds } = granted;
    return [
      colour('green', 'a token would be asked for'),
      ...whom,
      line('for', resource),
      line('kept', `at most ${seconds} s`),
    ];
  }
  return [
    `${colour('red', 'no token')}: ${printable(refused?.message ?? '')} ${printable(refused?.code ?? '')}`,
    ...whom,
  ];
}
