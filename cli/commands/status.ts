// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import type { AgentStatus } from '../../agent/main.ts';
import { askAgent } from '../agent-client.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { DEFAULT_SOCKET } from '../places.ts';
import { colour } from '../print/colour.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const HELP = `
What the agent of this host and the collector say of themselves. One that does not answer is left out; exit code 1 when
neither does, or when the agent cannot write or deliver.

Examples:
  sworn status
  sworn status --json | jq .agent.delivery`;

interface StatusOptions extends CollectorOptions {
  readonly socket: string;
  readonly json?: boolean;
}

export function defineStatus(command: Command): void {
  addCollectorOptions(command)
    .option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET)
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (options: StatusOptions) => {
      const agent = await answerOrWhy(askAgent(options.socket, 'GET', '/v1/status') as Promise<AgentStatus>);
      const collector = await answerOrWhy(new CollectorClient(options).getJson<CollectorStatus>('/v1/status'));
      if (options.json) {
        await print(printableJson(JSON.stringify({ agent: agent.value ?? null, collector: collector.value ?? null })));
      } else {
        await print(agent.value === undefined ? missing('agent', agent.why) : agentLines(agent.value));
        await print('');
        await print(
          collector.value === undefined ? missing('collector', collector.why) : collectorLines(collector.value),
        );
      }
      const answers = agent.value !== undefined || collector.value !== undefined;
      const trouble = agent.value !== undefined && troubleOf(agent.value) !== '';
      process.exitCode = answers && !trouble ? EXIT.ok : EXIT.failed;
    });
}

interface CollectorStatus {
  readonly version: string;
  readonly collector_id: string;
  readonly started_at: string;
  readonly ingest_address: string;
  readonly store: string;
  readonly agents: readonly { readonly agent_id: string; readonly connected_at: string; readonly last_seq: number }[];
  /** Left out by collectors from before it. */
  readonly absent_agents?: readonly {
    readonly agent_id: string;
    readonly state: string;
    readonly last_seq: number;
    readonly heard_at: string;
  }[];
  readonly rules: readonly { readonly title: string }[];
  readonly sinks: readonly string[];
}

async function answerOrWhy<T>(asked: Promise<T>): Promise<{ value?: T; why: string }> {
  try {
    return { value: await asked, why: '' };
  } catch (error) {
    if (error instanceof CliError) return { why: error.message };
    throw error;
  }
}

function missing(who: string, why: string): string {
  return `${colour('yellow', who)}: ${printable(why)}`;
}

function troubleOf(agent: AgentStatus): string {
  const { journal } = agent;
  const delivery = agent.delivery as { error?: { code?: string } | null } | null;
  const seal = agent.seal as { trouble?: string | null } | undefined;
  return journal.trouble ?? delivery?.error?.code ?? seal?.trouble ?? '';
}

function parserLine({ parsed, refused, too_long, failed }: AgentStatus['sql_parser']): string {
  return `${parsed} texts; only scanned: ${refused} refused, ${too_long} too long, ${failed} failed`;
}

function agentLines(agent: AgentStatus): string {
  const { ringWaitingBytes, ringSizeBytes } = agent.source;
  const { counts } = agent;
  const lines = [
    `agent ${agent.agent_id} on ${agent.host}, version ${agent.version}, since ${agent.started_at}`,
    `  workloads    ${agent.workloads.join(', ') || 'none: nothing is recorded; name them in the configuration'}`,
    `  sessions     ${agent.sessions.length} running, ${agent.connections} connections`,
    ...agent.sessions.map(
      ({ id, workload, identity, processes, commands }) =>
        `    ${id}  ${workload}  ${identity}  ${processes} processes, ${commands} commands`,
    ),
    `  recorded     ${counts['activities']} activities, ${counts['commands']} commands, ${counts['losses']} losses`,
    ...(agent.sql_parser === undefined ? [] : [`  sql parser   ${parserLine(agent.sql_parser)}`]),
    `  kernel ring  ${Math.round((100 * ringWaitingBytes) / ringSizeBytes)} % of ${ringSizeBytes / 1024 ** 2} MiB waits`,
    ...(agent.source.streams === undefined
      ? []
      : [`  streams      ${STREAMS[agent.source.streams]}${STREAMS_BY[agent.source.streamsBy ?? 'unknown']}`]),
    `  journal      ${journalLine(agent.journal)}`,
    ...(agent.frozen ?? []).map((cgroup) => `  frozen       ${cgroup}`),
    `  guard        ${guardLine(agent.guard)}`,
    `  broker       ${brokerLine(agent.broker as Record<string, number> | null)}`,
    `  delivery     ${deliveryLine(agent.delivery as DeliveryStatus | null)}`,
    `  seal         ${sealLine(agent.seal as SealStatus | undefined)}`,
  ];
  const trouble = troubleOf(agent);
  const text = lines.map(printable).join('\n');
  return trouble === ''
    ? text
    : `${text}\n${colour('red', `  trouble      ${printable(trouble)} (docs/ERRORS.md says what to do)`)}`;
}

/** Terminals and pipes; an older agent says nothing of them. */
const STREAMS = {
  off: 'off: terminals and pipes are not read (capture.streams)',
  idle: 'terminals and pipes are read when a workload has some',
  reading: 'terminals and pipes are read',
} as const;

const STREAMS_BY = {
  functions: ', at functions of the kernel',
  system_calls: ', at the end of every system call of the host (docs/OPERATOR.md, Sizing)',
  unknown: '',
} as const;

/** An older agent says nothing of a guard. */
function guardLine(guard: AgentStatus['guard'] | undefined): string {
  if (guard === undefined) return 'none: the agent is an older one';
  return guard.state === 'active' ? 'active: workloads cannot stop the agent' : `${guard.state}: ${guard.reason}`;
}

function journalLine({ bytes, durable_seq, delivered_seq, room, must_freeze, losses }: AgentStatus['journal']): string {
  const state = `${mebibytes(bytes)}, up to ${durable_seq} on disk, up to ${delivered_seq} delivered`;
  const lost = Object.entries(losses).map(([cause, { events }]) => `${events} ${cause.replaceAll('_', ' ')}`);
  const short =
    room === 'open' ? [] : [`${room === 'none' ? 'no' : 'little'} room${must_freeze ? ', must freeze' : ''}`];
  return [state, ...short, ...lost].join('; ');
}

interface DeliveryStatus {
  readonly phase: string;
  readonly since: string;
  readonly collector: string;
  readonly stored_seq: number;
  readonly error: { readonly code: string; readonly message?: string } | null;
  readonly retry_at: string | null;
}

function deliveryLine(delivery: DeliveryStatus | null): string {
  if (delivery === null) return 'no collector is configured: the record stays in the journal';
  const { phase, since, collector, stored_seq, error, retry_at } = delivery;
  const state = `${phase} since ${since}, stored up to ${stored_seq} at ${collector}`;
  if (error === null) return state;
  return `${state}; ${error.message ?? error.code}${retry_at === null ? '' : `; again at ${retry_at}`}`;
}

interface SealStatus {
  readonly key?: string;
  readonly tree_size?: number | null;
  readonly cosigned?: { readonly size: number; readonly time: string; readonly witnesses: readonly string[] } | null;
  readonly trouble: string | null;
  readonly message?: string;
}

function sealLine(seal: SealStatus | undefined): string {
  const { key, tree_size, cosigned, trouble, message } =
    seal ?? ({ trouble: 'the agent is an older one' } as SealStatus);
  if (key === undefined) return `none: ${message ?? trouble ?? 'not known'}`;
  const tree = typeof tree_size === 'number' ? `tree of ${tree_size}` : 'its tree is not known here';
  const by = cosigned?.witnesses.length ? ` and by ${cosigned.witnesses.join(', ')}` : '';
  const signed = cosigned ? `cosigned up to ${cosigned.size} at ${cosigned.time}${by}` : 'nothing cosigned yet';
  return `${tree}, ${signed}; key ${key}`;
}

function brokerLine(broker: Record<string, number> | null): string {
  if (broker === null) return 'off';
  const { port, ...counts } = broker;
  const told = Object.entries(counts).filter(([, count]) => Number(count) > 0);
  return [`127.0.0.1:${port}`, ...told.map(([name, count]) => `${count} ${name.replaceAll('_', ' ')}`)].join(', ');
}

function mebibytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function collectorLines(collector: CollectorStatus): string {
  const [head, ...lines] = [
    `${collector.collector_id}, version ${collector.version}, since ${collector.started_at}`,
    `  agents       ${collector.agents.length} on ${collector.ingest_address}`,
    ...collector.agents.map(({ agent_id, last_seq }) => `    ${agent_id}  up to ${last_seq}`),
    ...(collector.absent_agents ?? []).map(
      ({ agent_id, state, last_seq, heard_at }) =>
        `    ${agent_id}  ${state}, heard of last at ${heard_at} (${last_seq})`,
    ),
    `  store        ${collector.store} ClickHouse`,
    `  rules        ${collector.rules.length}`,
    `  alerts to    ${collector.sinks.join(', ') || 'nobody: name webhooks in the configuration'}`,
  ].map(printable);
  return [`${colour('bold', 'collector')} ${head}`, ...lines].join('\n');
}
