// SPDX-License-Identifier: Apache-2.0

/** The section `broker.workload_identity`, in the broker's words. */
import type { FederationOptions } from '../broker/federation/federation.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { federatedFolder, issuerKeyPlace, issuerKeySetFile } from '../config/issuer-place.ts';
import type { Recorder } from '../recorder/recorder.ts';

/** undefined when no token files are wanted. */
export function federationOf(config: AgentConfig, recorder: Pick<Recorder, 'lineage'>): FederationOptions | undefined {
  const { enabled, issuer } = config.broker.workload_identity;
  if (!enabled || issuer === undefined) return undefined;
  return {
    issuer,
    keys: issuerKeyPlace(config),
    keySetFile: issuerKeySetFile(config),
    folder: federatedFolder(config),
    sessionOf(workload) {
      const open = [...recorder.lineage.sessions].filter((one) => one.workload === workload && one.alive.size > 0);
      const [session] = open;
      if (session === undefined || open.length > 1) return undefined;
      const { id: sessionId, scope } = session;
      return { pid: 0, startNs: 0n, selectionName: workload, sessionKey: scope.sessionKey, sessionId };
    },
  };
}
