// SPDX-License-Identifier: Apache-2.0

/**
 * The broker, tied to the kernel side (who asks), to the recorder (what is told of it), and to the sessions that it gives
 * an identity.
 */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActivityBuilder } from '../activity/activity-builder.ts';
import { createKernelCallerDirectory, type Workload } from '../broker/attest/kernel-caller-directory.ts';
import { createDerivedSessionSecrets, type SessionSecrets } from '../broker/attest/session-secret.ts';
import { createUnixCallerDirectory, type UnixPeers } from '../broker/attest/unix-caller-directory.ts';
import { startBroker } from '../broker/start-broker.ts';
import type { TokenWatch } from '../broker/token-watch.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { keyFile } from '../config/key-file.ts';
import type { Selections } from '../config/selections.ts';
import type { Session, TrackedProcess } from '../lineage/session.ts';
import type { TokenOf } from '../lineage/token-use.ts';
import type { ConnectionOpened, Scope } from '../model/kernel-event.ts';
import type { SeenCredential } from '../protocol/decoder.ts';
import { TOKEN_RESPONSE } from '../protocol/http/given-tokens.ts';
import type { Recorder } from '../recorder/recorder.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';
import type { LiveKernel } from '../source/kernel-event-source.ts';
import type { Log } from '../telemetry/log.ts';
import type { TlsDescription } from '../tls/negotiation.ts';
import { listenersOf, portsOf, redirectImds } from './broker-listeners.ts';
import { federationOf } from './federation-of.ts';
import { IdentityNames } from './identity-names.ts';
import { tokenOfBroker } from './known-token.ts';
import type { PolicyBroker } from './policy-door.ts';
import { policyOf } from './policy-of.ts';
import { TokenLedger } from './token-ledger.ts';

export interface BrokerDesk {
  /** Of the App Service flavour. */
  readonly port: number;
  /** All that were bound. */
  readonly ports: readonly number[];
  /** What a process of the session needs in its environment. */
  environment(
    workload: string,
    sessionKey: bigint,
    inherited: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>>;
  /** `opened`: the connection that it crossed; `tls`: what that shows of itself, when it has any. */
  sawCredential(
    credential: SeenCredential,
    session: Session,
    process: TrackedProcess | undefined,
    opened: ConnectionOpened,
    tls: TlsDescription | undefined,
  ): void;
  /** What is known by now of a token that was issued or seen. */
  readonly known: TokenWatch['known'];
  /** The same, as the binding of an activity that was asked for with it. */
  readonly tokenOf: TokenOf;
  readonly policies: PolicyBroker;
  counts(): object;
  /** A session is known now: what was told of it before is written. */
  sessionStarted(session: Session): void;
  stop(): Promise<void>;
}

export interface BrokerDeskOptions {
  readonly config: AgentConfig;
  readonly source: LiveKernel;
  readonly recorder: Recorder;
  readonly builder: ActivityBuilder;
  readonly peers: UnixPeers;
  readonly selections: Selections;
  readonly log: Log;
}

/** undefined when the configuration wants no broker. Errors: BrokerError. */
export async function startBrokerDesk(options: BrokerDeskOptions): Promise<BrokerDesk | undefined> {
  const { config, source, recorder, builder, peers, selections, log } = options;
  if (!config.broker.enabled) return undefined;

  const secrets = sessionSecrets(config, selections);
  const names = new IdentityNames(config.identities);
  const ledger = new TokenLedger(source.clock, recorder, builder, (name) => names.objectIdOf(name));
  const attesting = { kernel: source, workloadOf: (scope: Scope) => workloadOf(scope, selections, recorder) };
  const broker = await startBroker({
    policy: policyOf(config),
    cgroupRoot: cgroupRoot(),
    callers: createKernelCallerDirectory(attesting),
    secrets,
    onEvent: (event) => ledger.take(event),
    log,
    ...listenersOf(config, createUnixCallerDirectory({ ...attesting, peers })),
    authority: config.broker.authority,
    hostMetadataOrigin: config.broker.host_metadata,
    ledgerFile: { path: join(config.run_dir, 'token-ledger.jsonl'), bootId: bootId() },
    federation: federationOf(config, recorder),
    ...(config.broker.authority_ca_file !== undefined && {
      authorityCa: readFileSync(config.broker.authority_ca_file, 'utf8'),
    }),
  });
  const redirect = (): void =>
    redirectImds({ source, config, selections, ports: broker.ports, policy: broker.policy(), log });
  redirect();
  const environmentOf = (workload: string) => broker.environment({ selectionName: workload, sessionKey: 0n });
  writeEnvironments(config, selections, environmentOf);
  return {
    port: broker.address.port,
    ports: portsOf(broker.ports),
    environment: (workload, sessionKey, inherited) =>
      broker.environment({ selectionName: workload, sessionKey }, inherited),
    sawCredential(credential, session, process, opened, tls) {
      const { scope, workload, id } = session;
      const holder = {
        pid: process?.key.pid ?? 0,
        startNs: process?.key.startNs ?? 0n,
        selectionName: workload,
        sessionKey: scope.sessionKey,
        sessionId: id,
      };
      const { kind, sentTo, inReply } = credential;
      // Who accepted the connection gives the token out and does not get it.
      const isObtained = kind === TOKEN_RESPONSE && opened.role !== 'server';
      const sighting = {
        interface: kind,
        holder,
        maybePassword: !kind.includes('bearer') && kind !== TOKEN_RESPONSE,
        ...(opened.role === 'server' && { isReceived: true }),
        ...(isObtained && { obtainedFrom: `${opened.remoteAddress}:${opened.remotePort}` }),
        ...(sentTo !== undefined && { sentTo: { ...sentTo, tlsServerName: tls?.serverName } }),
        ...(inReply === true && opened.role !== 'server' && { isAnswered: true }),
      };
      // Never rejects; what it finds comes through onEvent.
      void broker.observe(credential.secret, sighting);
    },
    known: (fingerprint, holder) => broker.known(fingerprint, holder),
    tokenOf: tokenOfBroker((fingerprint) => broker.known(fingerprint), names),
    policies: {
      policy: () => broker.policy(),
      checkPolicy: (caller, question) => broker.checkPolicy(caller, question),
      async reload(policy) {
        await broker.reload(policy);
        names.learn(policy.identities);
        redirect();
        // What may be asked for decides how it is asked for. The policies hold already, so this is no reason to say otherwise.
        try {
          writeEnvironments(config, selections, environmentOf);
        } catch (error) {
          const cause = error instanceof Error ? error.message : 'unknown';
          log.error({ cause }, 'the environments of workloads could not be written anew');
        }
      },
    },
    counts: () => broker.counts,
    sessionStarted: (session) => ledger.sessionStarted(session),
    async stop() {
      await broker.stop();
      ledger.flush();
    },
  };
}

/** Of the running kernel. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/**
 * What `sworn run` starts has a secret of its own. Other workloads are started by somebody else, who can hand them only
 * what was known before: one secret a workload, in a file that their unit reads (EnvironmentFile=).
 */
function sessionSecrets(config: AgentConfig, selections: Selections): SessionSecrets {
  // In memory only: a reboot makes a new one, and all sessions end with it.
  const derived = createDerivedSessionSecrets(keyFile(join(config.run_dir, 'session.key')));
  const runs = new Set(selections.runs.map(({ workload }) => workload));
  return {
    secretFor: ({ selectionName, sessionKey }) =>
      derived.secretFor({ selectionName, sessionKey: runs.has(selectionName) ? sessionKey : 0n }),
  };
}

function writeEnvironments(
  config: AgentConfig,
  selections: Selections,
  environmentOf: (workload: string) => Record<string, string>,
): void {
  const folder = join(config.run_dir, 'environment');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const runs = new Set(selections.runs.map(({ workload }) => workload));
  for (const { name, select } of config.workloads) {
    if (runs.has(name)) continue;
    const lines = Object.entries(environmentOf(name)).map(([key, value]) => `${key}=${value}\n`);
    const file = join(folder, `${name}.env`);
    writeFileSync(file, lines.join(''), { mode: 0o600 });
    const uid = select.map((one) => ('uid' in one ? one.uid : undefined)).find((one) => one !== undefined);
    if (uid !== undefined && process.getuid?.() === 0) chownSync(file, uid, -1);
  }
}

/** A scope in the words of the policy and of the record. */
function workloadOf(scope: Scope, selections: Selections, recorder: Recorder): Workload {
  const session = recorder.lineage.sessionOf(scope);
  return {
    selectionName: selections.meaningOf(scope.selectionId).workload,
    ...(session !== undefined && { sessionId: session.id }),
  };
}
