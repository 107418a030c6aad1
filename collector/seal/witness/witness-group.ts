// SPDX-License-Identifier: Apache-2.0

/**
 * All witnesses of the collector. Each is asked at once, by itself, for so long and no longer; one that is away is left
 * alone for a while, and asked again. Nothing waits for them but the checkpoint that they would sign.
 */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { parseCheckpoint } from '../../../proto/log/checkpoint.ts';
import { NoteError, type NoteSignature, type NoteVerifier, parseNote, parseVerifier } from '../../../proto/log/note.ts';
import { CollectorError, describeError } from '../../model/error.ts';
import type { CollectorMetrics } from '../../telemetry/collector-metrics.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ConsistencyProver, Witnessing } from '../witnessing.ts';
import { type Shown, WitnessClient, type WitnessFailure, type WitnessOutcome } from './witness-client.ts';

/** Then the checkpoint goes on without it. Shorter than what all of them have together (publisher.ts). */
const TIMEOUT_MS = 4_000;
const CONNECTIONS_MAX = 8;
/** So many checkpoints may wait for one witness; agents seal more often than that only when it is away. */
const ASKED_AT_ONCE_MAX = 64;
const PAUSE_MS_FIRST = 1_000;
const PAUSE_MS_MAX = 60_000;
/** Of so many logs it is remembered how far a witness is; of others it says so itself, with one more request. */
const SIZES_KEPT_MAX = 20_000;

/** Not to be had by waiting: somebody must look. */
const GRAVE: ReadonlySet<WitnessFailure> = new Set(['ahead', 'other_root', 'not_grown', 'bad_answer']);

/** As `seal.witnesses` of the configuration has it. */
export interface WitnessAddress {
  readonly name: string;
  readonly url: string;
  /** `<name>+<key id>+<base64>` of a cosignature key. */
  readonly key: string;
  readonly ca_file?: string;
}

export interface WitnessGroupOptions {
  readonly witnesses: readonly WitnessAddress[];
  readonly required: number;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly timeoutMs?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

interface Member {
  readonly client: WitnessClient;
  readonly verifier: NoteVerifier;
  readonly agent: HttpAgent;
  /** How far it is, by origin. */
  readonly sizes: Map<string, number>;
  asked: number;
  pauseMs: number;
  pausedUntil: number;
}

/** The witnesses of the configuration; undefined when there are none. Errors: CollectorError `config_invalid`. */
export function witnessesOf(
  {
    witnesses,
    witnesses_required,
  }: { readonly witnesses: readonly WitnessAddress[]; readonly witnesses_required: number },
  parts: { readonly metrics: CollectorMetrics; readonly log: Log },
): WitnessGroup | undefined {
  if (witnesses.length === 0) return undefined;
  return new WitnessGroup({ witnesses, required: witnesses_required, ...parts });
}

export class WitnessGroup implements Witnessing {
  readonly #options: WitnessGroupOptions;
  readonly #members: readonly Member[];

  constructor(options: WitnessGroupOptions) {
    this.#options = options;
    this.#members = options.witnesses.map((address) => memberOf(address, options.timeoutMs ?? TIMEOUT_MS));
    for (const { client } of this.#members) options.metrics.witnessRequests.add(0, labelsOf(client, 'cosigned'));
    options.metrics.witnessesLacking.add(0);
  }

  /** The keys of the witnesses. */
  get verifiers(): readonly NoteVerifier[] {
    return this.#members.map(({ verifier }) => verifier);
  }

  async cosign(
    origin: string,
    note: string,
    oldSize: number,
    proof: ConsistencyProver,
  ): Promise<readonly NoteSignature[]> {
    const { required, metrics, log } = this.#options;
    let shown: Shown;
    try {
      const { text } = parseNote(note);
      shown = { checkpoint: parseCheckpoint(text), text, note };
    } catch (error) {
      log.error({ log: origin, detail: describeError(error) }, 'what was to be shown to witnesses is no checkpoint');
      return [];
    }
    const prove = once(proof);
    const signatures = await Promise.all(this.#members.map((member) => this.#ask(member, shown, oldSize, prove)));
    const given = signatures.filter((one) => one !== undefined);
    if (given.length < required) {
      metrics.witnessesLacking.add();
      const { size } = shown.checkpoint;
      log.warn({ log: origin, size, cosigned: given.length, required }, 'a checkpoint lacks cosignatures of witnesses');
    }
    return given;
  }

  close(): void {
    for (const { agent } of this.#members) agent.destroy();
  }

  async #ask(
    member: Member,
    shown: Shown,
    oldSize: number,
    proof: ConsistencyProver,
  ): Promise<NoteSignature | undefined> {
    const { metrics, log, now = () => performance.now() } = this.#options;
    const { client, sizes } = member;
    const { origin, size } = shown.checkpoint;
    if (member.asked >= ASKED_AT_ONCE_MAX || now() < member.pausedUntil) {
      metrics.witnessRequests.add(1, labelsOf(client, 'skipped'));
      return undefined;
    }
    member.asked++;
    const outcome = await client.cosign(shown, sizes.get(origin) ?? oldSize, proof);
    member.asked--;
    metrics.witnessRequests.add(1, labelsOf(client, outcome.kind));
    if (outcome.kind === 'cosigned') {
      // The one that was used last stands last, and goes last.
      sizes.delete(origin);
      sizes.set(origin, size);
      const [oldest] = sizes.size > SIZES_KEPT_MAX ? sizes.keys() : [];
      if (oldest !== undefined) sizes.delete(oldest);
      if (member.pauseMs > 0) log.info({ witness: client.name }, 'the witness cosigns again');
      member.pauseMs = 0;
      return outcome.signature;
    }
    sizes.delete(origin);
    const detail = { witness: client.name, log: origin, size, outcome: outcome.kind, detail: outcome.message };
    if (GRAVE.has(outcome.kind)) log.error(detail, 'a witness did not cosign: the log may have two histories');
    else if (outcome.kind !== 'unreachable' && outcome.kind !== 'busy') log.warn(detail, 'a witness did not cosign');
    else this.#pause(member, now(), detail);
    return undefined;
  }

  #pause(member: Member, now: number, detail: object): void {
    // Several that were asked together fail together; that is one failure.
    if (now < member.pausedUntil) return;
    if (member.pauseMs === 0) this.#options.log.warn(detail, 'a witness is away; checkpoints go on without it');
    member.pauseMs = Math.min(member.pauseMs === 0 ? PAUSE_MS_FIRST : member.pauseMs * 2, PAUSE_MS_MAX);
    member.pausedUntil = now + member.pauseMs;
  }
}

function labelsOf(client: WitnessClient, outcome: WitnessOutcome['kind'] | 'skipped'): Record<string, string> {
  return { witness: client.name, outcome };
}

/** A proof from the same size is made once, however many witnesses are there. */
function once(proof: ConsistencyProver): ConsistencyProver {
  const made = new Map<number, Promise<readonly Uint8Array[]>>();
  return (oldSize) => {
    const one = made.get(oldSize) ?? proof(oldSize);
    made.set(oldSize, one);
    return one;
  };
}

function memberOf({ name, url, key, ca_file }: WitnessAddress, timeoutMs: number): Member {
  const place = `seal.witnesses: ${name}`;
  const verifier = verifierOf(key, place);
  const bounds = { keepAlive: true, maxSockets: CONNECTIONS_MAX };
  let agent: HttpAgent;
  try {
    agent = url.startsWith('https:')
      ? new HttpsAgent({ ...bounds, ...(ca_file === undefined ? {} : { ca: readFileSync(ca_file) }) })
      : new HttpAgent(bounds);
  } catch (cause) {
    throw new CollectorError('config_invalid', `${place}: ca_file: ${describeError(cause)}`, { cause });
  }
  const client = new WitnessClient({ name, url, verifier, agent, timeoutMs });
  return { client, verifier, agent, sizes: new Map(), asked: 0, pauseMs: 0, pausedUntil: 0 };
}

function verifierOf(key: string, place: string): NoteVerifier {
  try {
    const verifier = parseVerifier(key);
    if (verifier.kind === 'cosignature') return verifier;
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    throw new CollectorError('config_invalid', `${place}: key: ${error.message}`, { cause: error });
  }
  throw new CollectorError('config_invalid', `${place}: key: This is the key of a log, not of a witness.`);
}
