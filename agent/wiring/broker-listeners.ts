// SPDX-License-Identifier: Apache-2.0

/** Where the broker listens by the configuration, and what the kernel side has to know of it. */
import { join } from 'node:path';
import type { UnixCallerDirectory } from '../broker/attest/unix-caller-directory.ts';
import type { ListenerChoice, ListenerPorts } from '../broker/listeners.ts';
import type { PolicySet } from '../broker/policy/policy.ts';
import { interfacesOf } from '../broker/start-broker.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { Selections } from '../config/selections.ts';
import type { LiveKernel } from '../source/kernel-event-source.ts';
import type { Log } from '../telemetry/log.ts';

export function listenersOf(config: AgentConfig, callers: UnixCallerDirectory): ListenerChoice {
  const { port, imds, arc } = config.broker;
  return {
    port,
    ...(imds.enabled && { imds: { port: imds.port } }),
    ...(arc.enabled && { arc: { port: arc.port } }),
    unix: { path: join(config.run_dir, 'token.sock'), callers },
  };
}

/** Those of whose connections the kernel side notes who sends. */
export function portsOf({ appService, imds, arc }: ListenerPorts): readonly number[] {
  return [appService, imds, arc].filter((port) => port !== undefined);
}

export interface RedirectParts {
  readonly source: Pick<LiveKernel, 'setImdsRedirect'>;
  readonly config: AgentConfig;
  readonly selections: Selections;
  readonly ports: ListenerPorts;
  readonly policy: PolicySet;
  readonly log: Log;
}

/**
 * From now on, connects to 169.254.169.254 of workloads whose policy allows IMDS come to the broker, and of no others: theirs
 * may be meant for the host's own metadata. To be asked again when the policy has changed.
 *
 * Errors   none: a kernel that cannot do it is told of in the log, and clients find the broker by their environment only
 */
export function redirectImds({ source, config, selections, ports, policy, log }: RedirectParts): void {
  if (ports.imds === undefined) return;
  const selectionIds = config.workloads
    .filter(({ name }) => interfacesOf(policy, name).includes('imds'))
    .flatMap(({ name }) => selections.idsOf(name));
  try {
    source.setImdsRedirect({ port: ports.imds, selectionIds });
  } catch (error) {
    log.error({ err: error }, 'connects to the metadata service are not redirected to the broker');
  }
}
