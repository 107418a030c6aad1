// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import type { AgentStatus } from '../../agent/main.ts';
import { askAgent } from '../agent-client.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { DEFAULT_SOCKET } from '../places.ts';
import { colour } from '../print/colour.ts';

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

export function addStatus(program: Command): void {
  addCollectorOptions(program.command('status'))
    .description('say how agent and collector are')
    .option('--socket <path>', "the agent's control socket", DEFAULT_SOCKET)
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (options: StatusOptions) => {
      const agent = await answerOrWhy(askAgent(options.socket, 'GET', '/v1/status') as Promise<AgentStatus>);
      const collector = await answerOrWhy(new CollectorClient(options).getJson<CollectorStatus>('/v1/status'));
      if (options.json) {
        console.log(JSON.stringify({ agent: agent.value ?? null, collector: collector.value ?? null }));
      } else {
        console.log(agent.value === undefined ? missing('agent', agent.why) : agentLines(agent.value));
        console.log('');
        console.log(
          collector.value === undefined ? missing('collector', collector.why) : collectorLines(collector.value),
        );
      }
      const healthy = agent.value !== undefined || collector.value !== undefined;
      process.exitCode = healthy && !(agent.value && troubleOf(agent.value)) ? EXIT.ok : EXIT.failed;
    });
}

interface CollectorStatus {
  readonly version: string;
  readonly collector_id: string;
  readonly started_at: string;
  readonly ingest_address: string;
  readonly store: string;
  readonly agents: readonly { readonly agent_id: string; readonly connected_at: string; readonly last_seq: number }[];
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
  return `${colour('yellow', who)}: ${why}`;
}

function troubleOf(agent: AgentStatus): string {
  const journal = agent.journal as { trouble?: string | null };
  const delivery = agent.delivery as { error?: { code?: string } | null } | null;
  return journal.trouble ?? delivery?.error?.code ?? '';
}

function agentLines(agent: AgentStatus): string {
  const journal = agent.journal as Record<string, unknown>;
  const { ringWaitingBytes, ringSizeBytes } = agent.source;
  const lines = [
    `${colour('bold', 'agent')} ${agent.agent_id} on ${agent.host}, version ${agent.version}, since ${agent.started_at}`,
    `  workloads    ${agent.workloads.join(', ') || 'none'}`,
    `  sessions     ${agent.sessions.length} running, ${agent.connections} connections`,
    `  recorded     ${agent.counts['activities']} activities, ${agent.counts['commands']} commands, ${agent.counts['losses']} losses`,
    `  kernel ring  ${Math.round((100 * ringWaitingBytes) / ringSizeBytes)} % of ${ringSizeBytes / 1024 ** 2} MiB`,
    `  journal      ${journal['bytes']} bytes, written up to ${journal['durable_seq']}, delivered up to ${journal['delivered_seq']}`,
    `  broker       ${agent.broker === null ? 'off' : `127.0.0.1:${(agent.broker as { port: number }).port}`}`,
    `  delivery     ${agent.delivery === null ? 'no collector configured' : JSON.stringify(agent.delivery)}`,
  ];
  const trouble = troubleOf(agent);
  if (trouble !== '') lines.push(colour('red', `  trouble      ${trouble} (docs/ERRORS.md)`));
  return lines.join('\n');
}

function collectorLines(collector: CollectorStatus): string {
  return [
    `${colour('bold', 'collector')} ${collector.collector_id}, version ${collector.version}, since ${collector.started_at}`,
    `  agents       ${collector.agents.length} on ${collector.ingest_address}`,
    ...collector.agents.map(({ agent_id, last_seq }) => `    ${agent_id}  up to ${last_seq}`),
    `  store        ${collector.store} ClickHouse`,
    `  rules        ${collector.rules.length}`,
    `  alerts to    ${collector.sinks.join(', ') || 'nobody: name webhooks in the configuration'}`,
  ].join('\n');
}
