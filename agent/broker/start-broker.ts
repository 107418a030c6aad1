// SPDX-License-Identifier: Apache-2.0

/** The broker, put together: what `agent/main.ts` starts. Everything that touches the world is chosen here or handed in. */

import type { Caller, CallerDirectory, IsAlive } from './attest/caller-directory.ts';
import { createFactsOf, type FactsOf } from './attest/caller-facts.ts';
import { isProcessAlive } from './attest/process-liveness.ts';
import type { SessionName, SessionSecrets } from './attest/session-secret.ts';
import type { Standards } from './caller-judge.ts';
import { type Clock, systemClock } from './clock.ts';
import { type BrokerCounts, createCounts } from './counts.ts';
import { openCredentials } from './entra/credentials.ts';
import { HOST_METADATA_ORIGIN, type HostMetadataParts } from './entra/host-metadata.ts';
import { createHostFetch, createHttpsFetch, type HttpsFetch } from './entra/https-fetch.ts';
import { createTenantKeys, type TenantKeysOptions } from './entra/tenant-keys.ts';
import { createTokenSource } from './entra/token-source.ts';
import { type BrokerAddress, brokerEnvironment } from './environment.ts';
import { BrokerError } from './errors.ts';
import { createExchangeJudge } from './exchange-credential.ts';
import { expectNoGrants, type FederationOptions, openFederation } from './federation/federation.ts';
import { type LedgerFile, openLedgers } from './ledger-file.ts';
import { type ListenerChoice, type ListenerPorts, openListeners } from './listeners.ts';
import { type BrokerLog, silentLog } from './log.ts';
import type { PolicySet } from './policy/policy.ts';
import { readPolicy } from './policy/read-policy.ts';
import { type CheckQuestion, checkPolicy, type PolicyCheck } from './policy-check.ts';
import { createRateLimit, type RateLimitOptions } from './rate-limit.ts';
import { createTenantCertificates } from './saml/tenant-certificates.ts';
import { type AssertionVerifier, createAssertionVerifier } from './saml/verify-assertion.ts';
import { createIssuerReader, type IssuerForms, PUBLIC_CLOUD_ISSUERS } from './token/issuer.ts';
import { createTokenVerifier, type TokenVerifier } from './token/verify.ts';
import { createTokenDesk } from './token-desk.ts';
import type { TokenEvent } from './token-event.ts';
import { INTERFACES_DEFAULT, type TokenInterface } from './token-interface.ts';
import { createTokenWatch, type Observation, type Sighting, type TokenWatch } from './token-watch.ts';

export interface BrokerOptions extends ListenerChoice {
  readonly policy: PolicySet;
  readonly callers: CallerDirectory;
  readonly secrets: SessionSecrets;
  /**
   * Takes each event, in order. When it throws, the event counts as not recorded: a token is then not handed out. It is
   * called on the way of a request, so it should put the event down and return.
   */
  readonly onEvent: (event: TokenEvent) => void;
  readonly log?: BrokerLog;
  /** https origin; default the public cloud's. */
  readonly authority?: string;
  /** PEM certificates to trust for the authority instead of the system's. */
  readonly authorityCa?: string;
  /** http, of this host: where managed identities are asked for. Default that of an Azure host. */
  readonly hostMetadataOrigin?: string | undefined;
  /** Of another cloud. */
  readonly issuers?: IssuerForms;
  /** Who got which token, for the agent's next start: fingerprints and holders. Without it that is in memory only. */
  readonly ledgerFile?: LedgerFile;
  readonly upstreamTimeoutMs?: number;
  readonly rateLimit?: Pick<RateLimitOptions, 'burst' | 'perSecond'>;
  /** For tests: time, transport, and what counts as a running process. */
  readonly clock?: Clock;
  readonly fetch?: HttpsFetch;
  readonly isAlive?: IsAlive;
  /** Where cgroup v2 is mounted; without it no policy can match a unit or a container. */
  readonly cgroupRoot?: string | undefined;
  readonly factsOf?: FactsOf;
  /** Signs token files for workloads; without it no policy may allow `workload-identity`. */
  readonly federation?: FederationOptions | undefined;
}

export interface RunningBroker {
  /** Of the App Service flavour. */
  readonly address: BrokerAddress;
  readonly ports: ListenerPorts;
  /** What to set for a session's processes; {} for a session that has no secret. */
  environment(session: SessionName, inherited?: Readonly<Record<string, string | undefined>>): Record<string, string>;
  /** A token seen on the wire. Never throws, never rejects; the event goes to `onEvent`. */
  observe(token: string, sighting: Sighting): Promise<Observation>;
  /** What is known by now of a token with this fingerprint. */
  readonly known: TokenWatch['known'];
  readonly counts: BrokerCounts;
  /** By which it goes now. */
  policy(): PolicySet;
  /** What would be answered to a process, and why; without asking Entra, and without a line in the record. */
  checkPolicy(caller: Caller, question: CheckQuestion): Promise<PolicyCheck>;
  /** Replaces token files of workloads that are due, as a timer does anyway. */
  renewFiles(): Promise<void>;
  /**
   * The next request goes by `policy`; tokens that were kept are forgotten, keys are read anew. A request that waits for
   * Entra meanwhile gets its token only if it would get the same one now.
   *
   * Errors   BrokerError as at the start; then nothing has changed
   */
  reload(policy: PolicySet): Promise<void>;
  /** Refuses at once, closes connections, forgets all tokens. */
  stop(): Promise<void>;
}

const PUBLIC_AUTHORITY = 'https://login.microsoftonline.com';
/** Entra answers in some 200 ms; an SDK waits far longer than this. */
const UPSTREAM_TIMEOUT_MS = 8_000;
function originOf(authority: string): string {
  try {
    const url = new URL(authority);
    if (url.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.username === '')
      return url.origin;
  } catch {
    // Said below.
  }
  throw new BrokerError('AUTHORITY_NOT_HTTPS', `It is ${JSON.stringify(authority)}.`);
}

/** All that hangs on the policy and is made anew with it. */
interface Standing extends Standards {
  readonly verifier: TokenVerifier;
  readonly assertions: AssertionVerifier;
  /** Lets go of what its credentials hold open. */
  readonly close: () => void;
}

interface StandingParts {
  readonly upstream: Omit<TenantKeysOptions, 'tenants'>;
  readonly host: HostMetadataParts;
  readonly issuers: IssuerForms;
}

/** Errors: BrokerError for a policy that makes no sense, or for a credential that cannot be used. */
async function openStanding(wanted: PolicySet, { upstream, host, issuers }: StandingParts): Promise<Standing> {
  const read = readPolicy(wanted);
  if (read.kind === 'broken') throw new BrokerError('POLICY_BROKEN', read.problems.join('; '));
  const { policy } = read;
  const { clock, log } = upstream;
  const credentials = await openCredentials(policy.identities, clock, log);
  const tenants = [...new Set(policy.identities.map((identity) => identity.tenant))];
  const keys = createTenantKeys({ ...upstream, tenants });
  const verifier = createTokenVerifier({ keys, clock, issuers });
  const issuerOf = (tenant: string): string => issuers.v1.replace('{tenant}', tenant);
  const certificates = createTenantCertificates({ ...upstream, tenants, issuerOf });
  const assertions = createAssertionVerifier({ certificates, readIssuer: createIssuerReader(issuers), clock });
  const source = createTokenSource({
    ...upstream,
    verifier,
    host,
    identities: policy.identities,
    assertionsOf: (identity) => credentials.assertionsOf(identity),
  });
  return { policy, source, verifier, assertions, close: () => credentials.close() };
}

const sizeOf = ({ identities, policies }: PolicySet): object => ({
  identities: identities.length,
  policies: policies.length,
});

/** What a workload may ask through, by all policies that its processes can meet. */
export function interfacesOf({ policies }: PolicySet, workload: string): readonly TokenInterface[] {
  const own = policies.filter(({ match }) => match.workload === undefined || match.workload === workload);
  return own.length === 0 ? INTERFACES_DEFAULT : own.flatMap(({ interfaces }) => interfaces ?? INTERFACES_DEFAULT);
}

/**
 * Start the broker; it listens when this resolves.
 *
 * Errors   BrokerError: broken policy, unusable key files, a port that is taken. Entra is not called yet, so a host without
 *          a network starts, and its first requests are refused with 503
 */
export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { callers, secrets, onEvent, log = silentLog, clock = systemClock, isAlive = isProcessAlive } = options;
  const authority = originOf(options.authority ?? PUBLIC_AUTHORITY);
  const ending = new AbortController();
  const trust = options.authorityCa === undefined ? {} : { ca: options.authorityCa };
  const fetch = options.fetch ?? createHttpsFetch({ ...trust, signal: ending.signal });
  const timeoutMs = options.upstreamTimeoutMs ?? UPSTREAM_TIMEOUT_MS;
  const upstream = { authority, fetch, clock, log, timeoutMs };
  const issuers = options.issuers ?? PUBLIC_CLOUD_ISSUERS;
  const hostFetch = createHostFetch({ signal: ending.signal });
  const origin = options.hostMetadataOrigin ?? HOST_METADATA_ORIGIN;
  const parts = { upstream, issuers, host: { origin, fetch: hostFetch, clock, timeoutMs } };
  let standing = await openStanding(options.policy, parts);
  const identities = [...standing.policy.identities];

  const counts = createCounts();
  const ledgers = openLedgers({ clock, log, counts, file: options.ledgerFile });
  const ledger = ledgers.issued;
  const federation =
    options.federation && (await openFederation(options.federation, { clock, log, counts, ledger, onEvent }));
  const limit = createRateLimit({ clock, ...options.rateLimit });
  const factsOf = options.factsOf ?? createFactsOf({ cgroupRoot: options.cgroupRoot });
  const standards = () => standing;
  const desk = createTokenDesk({ standards, factsOf, secrets, isAlive, ledger, limit, clock, log, counts, onEvent });
  const issuer = federation?.issuer;
  const verifier: TokenVerifier = {
    verify: (token, read) =>
      issuer !== undefined && read.kind === 'jwt' && read.claims['iss'] === issuer.url
        ? issuer.verify(token)
        : standing.verifier.verify(token, read),
  };
  const assertions: AssertionVerifier = { verify: (xml) => standing.assertions.verify(xml) };
  const verifiers = { verifier, assertions };
  const { obtained } = ledgers;
  const exchange = createExchangeJudge({ authority, issuer: issuer?.url });
  const watch = createTokenWatch({ identities, ...verifiers, ledger, obtained, exchange, clock, log, counts, onEvent });

  const listeners = await openListeners(options, { desk, callers, clock });
  try {
    if (federation === undefined) expectNoGrants(standing.policy);
    else await federation.follow(standing.policy);
  } catch (error) {
    await listeners.close();
    await federation?.close();
    ledgers.close();
    standing.close();
    throw error;
  }
  const { ports } = listeners;
  const address: BrokerAddress = { host: '127.0.0.1', port: ports.appService };
  log.info({ ports, ...sizeOf(standing.policy) }, 'the broker listens');

  return {
    address,
    ports,
    environment(session, inherited) {
      const secret = secrets.secretFor(session);
      if (secret === undefined) return {};
      const interfaces = interfacesOf(standing.policy, session.selectionName);
      const place = federation?.placeOf(session.selectionName);
      const elsewhere = authority === PUBLIC_AUTHORITY ? {} : { authority };
      const federated = place && { ...place, ...elsewhere };
      return brokerEnvironment({ ports, socketPath: options.unix?.path }, interfaces, secret, inherited, federated);
    },
    observe: (token, sighting) => watch.observe(token, sighting),
    known: (fingerprint, holder) => watch.known(fingerprint, holder),
    counts,
    policy: () => standing.policy,
    checkPolicy: (caller, question) => checkPolicy({ policy: standing.policy, factsOf }, caller, question),
    renewFiles: async () => federation?.look(),
    async reload(policy) {
      const before = standing;
      const next = await openStanding(policy, parts);
      if (federation === undefined) {
        try {
          expectNoGrants(next.policy);
        } catch (error) {
          next.close();
          throw error;
        }
      }
      standing = next;
      before.close();
      // What could not be written is in the log, and is tried again.
      await federation?.follow(standing.policy).catch(() => undefined);
      // The watch names identities by the same list.
      identities.splice(0, identities.length, ...standing.policy.identities);
      log.info(sizeOf(standing.policy), 'the broker goes by another policy');
    },
    async stop() {
      desk.close();
      await federation?.close();
      ending.abort();
      await listeners.close();
      ledgers.close();
      standing.close();
    },
  };
}
