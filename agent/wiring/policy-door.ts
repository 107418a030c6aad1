// SPDX-License-Identifier: Apache-2.0

/** Policies as operators meet them through the control socket: what they are, what they make of a process, and new ones. */
import { statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Caller } from '../broker/attest/caller-directory.ts';
import type { CallerFacts } from '../broker/attest/caller-facts.ts';
import type { Decision, PolicyVerdict } from '../broker/policy/decide.ts';
import type { Identity, Policy } from '../broker/policy/policy.ts';
import type { PolicyCheck } from '../broker/policy-check.ts';
import { REFUSALS, type RefusalReason, refusalCode } from '../broker/refusal.ts';
import type { RunningBroker } from '../broker/start-broker.ts';
import { INTERFACES_DEFAULT, TOKEN_INTERFACES, type TokenInterface } from '../broker/token-interface.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { ControlAnswer, Peer, PolicyCheckRequest } from '../control/control-server.ts';
import type { Lineage } from '../lineage/lineage.ts';
import { isStartedAt, processKeyOf } from '../source/ebpf/proc.ts';
import type { Log } from '../telemetry/log.ts';
import { policyOf } from './policy-of.ts';

export type PolicyBroker = Pick<RunningBroker, 'policy' | 'checkPolicy' | 'reload'>;

export interface PolicyDoorOptions {
  /** undefined: the configuration wants no broker. */
  readonly broker: PolicyBroker | undefined;
  readonly lineage: Lineage;
  /** As the agent was started. */
  readonly config: AgentConfig;
  /** The configuration as it is in the file now. Errors: those of the file; their messages are for the operator. */
  readonly readConfig: (() => AgentConfig) | undefined;
  readonly log: Log;
}

export interface PolicyDoor {
  list(): ControlAnswer;
  check(request: PolicyCheckRequest, peer: Peer): Promise<ControlAnswer>;
  /** Policies and identities of the broker; what else has changed is named, and waits for a restart. */
  reload(peer: Peer): Promise<ControlAnswer>;
  /** The same, for who may do it anyway. A failure is in the log, and nothing has changed then. */
  reloadNow(): Promise<ControlAnswer>;
}

const refused = (reason: string): ControlAnswer => ({ kind: 'refused', reason });
const answered = (body: object): ControlAnswer => ({ kind: 'answer', body });

const isTokenInterface = (name: string): name is TokenInterface =>
  (TOKEN_INTERFACES as readonly string[]).includes(name);

/** Root, and the user that the agent runs as. */
const isOurs = ({ uid }: Peer): boolean => uid === 0 || uid === process.getuid?.();

const NO_BROKER = refused('the broker is off: broker.enabled in the configuration');

export function createPolicyDoor({ broker, lineage, config, readConfig, log }: PolicyDoorOptions): PolicyDoor {
  /** Another reload must not overtake one that still reads keys. */
  let reloading: Promise<unknown> = Promise.resolve();

  function callerOf(pid: number, uid: number): Caller | undefined {
    const key = processKeyOf(pid);
    if (key === undefined) return undefined;
    const tracked = lineage.processAt(pid, Number.MAX_SAFE_INTEGER);
    if (tracked === undefined || tracked.exitedNs !== undefined || !isStartedAt(tracked.key)) {
      return { ...key, uid, selectionName: undefined, sessionKey: 0n };
    }
    const { id, workload, scope } = tracked.session;
    return { ...tracked.key, uid, selectionName: workload, sessionKey: scope.sessionKey, sessionId: id };
  }

  async function reloadOnce(): Promise<ControlAnswer> {
    if (broker === undefined) return NO_BROKER;
    if (readConfig === undefined) return refused('this agent was started without a file that could be read again');
    try {
      const next = readConfig();
      const policy = policyOf(next);
      await broker.reload(policy);
      return answered({ policies: policy.policies.length, needs_restart: needsRestart(config, next) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error({ reason }, 'the configuration was not loaded; the agent goes on with the one that it has');
      return refused(reason);
    }
  }

  function reloadNow(): Promise<ControlAnswer> {
    const done = reloading.then(reloadOnce);
    reloading = done;
    return done;
  }

  return {
    list: () => (broker === undefined ? NO_BROKER : answered({ policies: broker.policy().policies.map(policyBody) })),
    async check({ pid, resource, interface: name }, peer) {
      if (broker === undefined) return NO_BROKER;
      if (name !== undefined && !isTokenInterface(name))
        return refused(`there is no interface ${name}; there are ${TOKEN_INTERFACES.join(', ')}`);
      const owner = ownerOf(pid);
      if (!isOurs(peer) && owner !== peer.uid) return refused('only root may ask about processes of others');
      const caller = owner === undefined ? undefined : callerOf(pid, owner);
      if (caller === undefined) return refused(`there is no process ${pid}`);
      const check = await broker.checkPolicy(caller, { interface: name, resource, selectors: [] });
      return answered(checkBody(caller, check));
    },
    async reload(peer) {
      return isOurs(peer) ? reloadNow() : refused('only root may change the policies');
    },
    reloadNow,
  };
}

function ownerOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** Sections of the file that differ from what the agent was started with, and are read at a start only. */
function needsRestart(before: AgentConfig, now: AgentConfig): string[] {
  const fixed = ({ policies: _policies, identities: _identities, workloads, ...rest }: AgentConfig) => ({
    ...rest,
    // Their resources are policies.
    workloads: workloads.map(({ resources: _resources, ...workload }) => workload),
  });
  const [old, changed] = [fixed(before), fixed(now)];
  return Object.keys(changed).filter(
    (key) => !isDeepStrictEqual(old[key as keyof typeof old], changed[key as keyof typeof changed]),
  );
}

const SELECTOR_KEYS = { containerId: 'container_id', exeSha256: 'exe_sha256' } as const;

/** As the configuration has it. */
const keyOf = (selector: string): string =>
  Object.hasOwn(SELECTOR_KEYS, selector) ? SELECTOR_KEYS[selector as keyof typeof SELECTOR_KEYS] : selector;

function policyBody({ name, match, identity, resources, advertisedSecondsMax, interfaces }: Policy): object {
  return {
    name,
    match: Object.fromEntries(Object.entries(match).map(([selector, wanted]) => [keyOf(selector), wanted])),
    identity,
    resources: resources.map((entry) => (typeof entry === 'string' ? entry : entry.resource)),
    advertised_seconds_max: advertisedSecondsMax ?? null,
    interfaces: interfaces ?? INTERFACES_DEFAULT,
  };
}

function checkBody(caller: Caller, check: PolicyCheck): object {
  const { pid, selectionName, sessionId } = caller;
  const decision: Decision = check.kind === 'refused' ? check : check.decision;
  return {
    pid,
    workload: selectionName ?? null,
    session_id: sessionId ?? null,
    process: check.facts === undefined ? null : factsBody(check.facts),
    policies: check.kind === 'refused' ? [] : check.verdicts.map(verdictBody),
    policy: decision.policy?.name ?? null,
    identity: decision.identity === undefined ? null : identityBody(decision.identity),
    granted:
      decision.kind === 'granted'
        ? { resource: decision.allowed.resource, advertised_seconds_max: decision.advertisedSecondsMax }
        : null,
    refused: decision.kind === 'refused' ? refusalBody(decision.reason) : null,
  };
}

const refusalBody = (reason: RefusalReason): object => ({
  code: refusalCode(reason),
  message: REFUSALS[reason].message,
});

const verdictBody = ({ policy, matches, failed }: PolicyVerdict): object => ({
  ...policyBody(policy),
  matches,
  failed: failed.map(({ selector, wanted, found }) => ({ selector: keyOf(selector), wanted, found })),
});

function identityBody({ name, kind, tenant, clientId, objectId }: Identity): object {
  return { name, kind, tenant, client_id: clientId, object_id: objectId ?? null };
}

function factsBody(facts: CallerFacts): object {
  return {
    exe: facts.exe,
    exe_is_at_path: facts.exeIsAtPath,
    exe_sha256: facts.exeSha256 === '' ? null : facts.exeSha256,
    exe_sha256_missing: facts.exeSha256Missing ?? null,
    cgroup: facts.cgroup,
    unit: facts.unit === '' ? null : facts.unit,
    slices: facts.slices,
    container_id: facts.containerId === '' ? null : facts.containerId,
    uid: facts.uid,
    gid: facts.gid,
    real_uid: facts.realUid,
    real_gid: facts.realGid,
    network_namespace: facts.networkNamespace,
  };
}
