// SPDX-License-Identifier: Apache-2.0

/**
 * Whose signatures count. A key that was given by a person, or pinned earlier, stands above what the store says: of a name
 * that such a key has, no other key counts.
 */
import type { NoteVerifier, SignedNote } from '../../proto/log/note.ts';
import { createVerifier, formatVerifier, NoteError, openNote, parseVerifier } from '../../proto/log/note.ts';
import type { KeyClaim } from './record-source.ts';

export type Trust = 'given' | 'pinned' | 'collector';

export interface RingKey {
  readonly verifier: NoteVerifier;
  readonly line: string;
  readonly trust: Trust;
  /** first_seen, accepted, own, witness, or '' for one that the store does not know. */
  readonly origin: string;
}

export interface NoteJudgement {
  /** undefined: the log's own key signed it, and the collector where it has to. */
  readonly fault: 'bad_signature' | 'key_changed' | undefined;
  readonly message: string;
  /** It is signed as it should be, as far as the store says: only none of the keys that a person knows has signed it. */
  readonly isUnknown: boolean;
  readonly cosigned: boolean;
  readonly witnesses: number;
}

const NOBODY = { isUnknown: false, cosigned: false, witnesses: 0 };

export const logNameOf = (agentId: string): string => `sworn/${agentId}`;

export class KeyRing {
  /** For people: the names and lines that somebody gave, or that the store names. */
  readonly keys: readonly RingKey[];
  /** Key lines of the store that are none. */
  readonly unreadable: readonly string[];
  readonly #claims: readonly KeyClaim[];
  /** Of `keys`, and the same keys in the other kind that a collector signs by. */
  readonly #used: readonly RingKey[];
  readonly #collectors: ReadonlySet<string>;

  constructor(trusted: readonly { readonly line: string; readonly trust: Trust }[], claims: readonly KeyClaim[]) {
    const keys: RingKey[] = [];
    const twins = new Set<string>();
    const add = (verifier: NoteVerifier, trust: Trust): void => {
      const line = formatVerifier(verifier);
      if (keys.some((one) => one.line === line)) return;
      keys.push({ verifier, line, trust, origin: claims.find((one) => one.verifier === line)?.origin ?? '' });
    };
    for (const { line, trust } of trusted) {
      const verifier = parseVerifier(line);
      add(verifier, trust);
      // A collector signs its own log with the key by which it cosigns the others.
      if (verifier.kind !== 'cosignature') continue;
      const twin = createVerifier(verifier.name, verifier.publicKey);
      add(twin, trust);
      twins.add(formatVerifier(twin));
    }
    const settled = new Set(keys.map(({ verifier }) => nameAndKind(verifier)));
    const unreadable: string[] = [];
    for (const { verifier: line, origin } of claims) {
      if (line === '' || keys.some((one) => one.line === line)) continue;
      try {
        const verifier = parseVerifier(line);
        if (!settled.has(nameAndKind(verifier))) keys.push({ verifier, line, trust: 'collector', origin });
      } catch (error) {
        if (!(error instanceof NoteError)) throw error;
        unreadable.push(line);
      }
    }
    this.#claims = claims;
    this.#used = keys;
    const named = new Set([...trusted.map(({ line }) => line), ...claims.map(({ verifier }) => verifier)]);
    this.keys = keys.filter(({ line }) => named.has(line) || !twins.has(line));
    this.unreadable = unreadable;
    // Also those whose key was replaced by one that a person gave.
    const own = claims.filter(({ origin }) => origin === 'own').map(({ verifier }) => verifier.split('+')[0] as string);
    this.#collectors = new Set(own);
  }

  get hasCollectors(): boolean {
    return this.#collectors.size > 0;
  }

  isCollector(agentId: string): boolean {
    return this.#collectors.has(logNameOf(agentId));
  }

  /** Of the log of this agent. */
  hasKeyOf(agentId: string): boolean {
    return this.#used.some(({ verifier }) => verifier.kind === 'ed25519' && verifier.name === logNameOf(agentId));
  }

  /**
   * Since when this log is to be signed, in ms since 1970 by the clock of the collector; 0 when a person knows its key;
   * undefined when nobody enrolled one, or it goes on without.
   */
  signsSinceMs(agentId: string): number | undefined {
    const name = logNameOf(agentId);
    const isKnown = ({ trust, verifier }: RingKey): boolean =>
      trust !== 'collector' && verifier.kind === 'ed25519' && verifier.name === name;
    if (this.#used.some(isKnown)) return 0;
    let since: number | undefined;
    for (const { agentId: of, verifier, origin, timeMs } of this.#claims) {
      if (of !== agentId || origin === 'witness') continue;
      since = verifier === '' ? undefined : Math.min(since ?? timeMs, timeMs);
    }
    return since;
  }

  #isKnown(verifier: NoteVerifier): boolean {
    return this.#used.some((one) => one.verifier === verifier && one.trust !== 'collector');
  }

  /** Whoever knows a cosigner, or this log, is not content with keys that the store names. */
  asksForKnown(agentId: string): boolean {
    return this.#used.some(
      ({ trust, verifier }) =>
        trust !== 'collector' && (verifier.kind === 'cosignature' || verifier.name === logNameOf(agentId)),
    );
  }

  judge(note: SignedNote, agentId: string): NoteJudgement {
    const name = logNameOf(agentId);
    let good: ReturnType<typeof openNote>;
    try {
      good = openNote(
        note,
        this.#used.map(({ verifier }) => verifier),
      );
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      return { ...NOBODY, fault: 'bad_signature', message: error.message };
    }
    const signers = good.map(({ verifier }) => verifier);
    if (!signers.some((one) => one.kind === 'ed25519' && one.name === name)) {
      const claimed = note.signatures.some((signature) => signature.name === name);
      const message = claimed
        ? `It is signed as ${name} by a key that is not the one known.`
        : `${name} has not signed it.`;
      return { ...NOBODY, fault: claimed && this.hasKeyOf(agentId) ? 'key_changed' : 'bad_signature', message };
    }
    const cosigners = signers.filter(({ kind }) => kind === 'cosignature');
    const cosigned = cosigners.some((one) => this.#collectors.has(one.name));
    const witnesses = cosigners.filter((one) => !this.#collectors.has(one.name)).length;
    if (this.asksForKnown(agentId) && !signers.some((one) => this.#isKnown(one))) {
      const message = 'None of the keys that you know has signed it.';
      return { fault: 'bad_signature', message, isUnknown: true, cosigned, witnesses };
    }
    return { fault: undefined, message: '', isUnknown: false, cosigned, witnesses };
  }
}

const nameAndKind = ({ name, kind }: NoteVerifier): string => `${name} ${kind}`;
