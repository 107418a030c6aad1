// SPDX-License-Identifier: Apache-2.0

/**
 * Finds the key of a record among the secrets that may be of the connection: by trial, for only a verified tag tells.
 *
 * Trials cost; those of one connection are bounded by a fixed number and by its bytes, so that work stays in proportion to
 * what arrives, whatever it is.
 */
import type { TlsSecret, TrafficSecret } from '../model/tls-secret.ts';
import { AeadCipher } from './aead-cipher.ts';
import { type CipherSuite, HASH_BYTES, suitesOfSecret } from './cipher-suite.ts';
import type { Direction, Epoch } from './direction.ts';
import { type Negotiation, TLS_13 } from './negotiation.ts';
import { RECORD, type RecordCipher } from './record-cipher.ts';
import type { SecretStore } from './secret-store.ts';

/** A handshake needs four; a server with some hundred handshakes at a time and secrets without names needs the rest. */
const TRIALS_FIRST = 8192;
/** And one more for that many bytes: less work than opening them takes. */
const BYTES_PER_TRIAL = 1024;
const TRIALS_PER_RECORD = 512;
/** Where no loss is known, a record that begins a key has number 0; a secret may come some records late. */
const SEQUENCES_LATE = [0, 1, 2, 3] as const;
const FIRST_SEQUENCE = (): readonly number[] => [0];
/** Where something is known of the loss, numbers that fit it. */
const SEQUENCES_GUESSED = 12;
/** While it seeks, each record is tried with each secret; one that fails this often is of another connection… */
const RECORDS_PER_SECRET = 4;
/** …unless it is named as one of this connection: then its first record may be some way off. */
const RECORDS_PER_OWN_SECRET = 256;

export class KeySearch {
  readonly #secrets: SecretStore;
  readonly #negotiation: Negotiation;
  #trials = 0;
  #bytes = 0;
  readonly #failures = { client: new WeakMap<TrafficSecret, number>(), server: new WeakMap<TrafficSecret, number>() };

  /** The last search of this side found nothing left to try: it need not look again until secrets come. */
  readonly #nothingLeft = { client: false, server: false };

  constructor(secrets: SecretStore, negotiation: Negotiation) {
    this.#secrets = secrets;
    this.#negotiation = negotiation;
  }

  get exhausted(): boolean {
    return this.#trials >= TRIALS_FIRST + this.#bytes / BYTES_PER_TRIAL;
  }

  arrived(bytes: number): void {
    this.#bytes += bytes;
  }

  secretsChanged(): void {
    this.#nothingLeft.client = false;
    this.#nothingLeft.server = false;
  }

  /** `cipher.open`, counted. */
  open(cipher: RecordCipher, sequence: number, record: Buffer, before?: Buffer): Buffer | undefined {
    if (this.exhausted) return undefined;
    this.#trials++;
    return cipher.open(sequence, record, before);
  }

  /** In step: the first record under the key of the epoch. `tried` keeps what failed already. */
  findNext(direction: Direction, record: Buffer, tried: WeakSet<TlsSecret>): Buffer | undefined {
    const { suite } = this.#negotiation;
    if (suite === undefined) return undefined;
    const label = `${direction.side}-${direction.epoch}`;
    return this.#find(direction, record, FIRST_SEQUENCE, (secret) => {
      if (tried.has(secret) || (secret.label !== undefined && secret.label !== label)) return [];
      tried.add(secret);
      return [suite];
    });
  }

  /** After a loss: any key of this side. */
  findAny(direction: Direction, record: Buffer): Buffer | undefined {
    if (this.#nothingLeft[direction.side]) return undefined;
    const trialsBefore = this.#trials;
    const { suite } = this.#negotiation;
    const failures = this.#failures[direction.side];
    const { losses, sequence, reason } = direction;
    const sequences = (cipher: RecordCipher): readonly number[] => {
      if (losses === undefined || reason === 'joined_late') return SEQUENCES_LATE;
      return [...new Set([...losses.sequences(sequence, cipher, record, SEQUENCES_GUESSED), ...SEQUENCES_LATE])];
    };
    const opened = this.#find(direction, record, sequences, (secret) => {
      const failed = failures.get(secret) ?? 0;
      const named = secret.label === undefined || secret.label.startsWith(direction.side);
      const own = secret.clientRandom !== undefined && this.#negotiation.clientRandom !== undefined;
      if (!named || failed >= (own ? RECORDS_PER_OWN_SECRET : RECORDS_PER_SECRET)) return [];
      failures.set(secret, failed + 1);
      return suite === undefined ? suitesOfSecret(secret.secret.length) : [suite];
    });
    this.#nothingLeft[direction.side] = this.#trials === trialsBefore;
    return opened;
  }

  #find(
    direction: Direction,
    record: Buffer,
    sequencesOf: (cipher: RecordCipher) => readonly number[],
    suitesOf: (secret: TrafficSecret) => readonly CipherSuite[],
  ): Buffer | undefined {
    const last = this.#trials + TRIALS_PER_RECORD;
    for (const candidate of this.#secrets.traffic(this.#negotiation.clientRandom)) {
      for (const suite of suitesOf(candidate)) {
        if (candidate.secret.length !== HASH_BYTES[suite.hash]) continue;
        const cipher = AeadCipher.ofTrafficSecret(suite, candidate.secret);
        for (const sequence of sequencesOf(cipher)) {
          if (this.#trials >= last) break;
          const opened = this.open(cipher, sequence, record);
          if (opened === undefined) continue;
          this.#secrets.take(candidate);
          direction.use(epochOf(candidate, direction, cipher), suite, candidate.secret, cipher);
          direction.sequence = sequence;
          this.#negotiation.suite = suite;
          this.#negotiation.version = TLS_13;
          return opened;
        }
        cipher.destroy();
      }
      if (this.#trials >= last || this.exhausted) break;
    }
    return undefined;
  }
}

function epochOf(secret: TrafficSecret, direction: Direction, cipher: RecordCipher): Epoch {
  if (secret.label !== undefined) return secret.label.slice(secret.label.indexOf('-') + 1) as Epoch;
  // Application data is never sent under a handshake key, and there is one handshake key only.
  const data = cipher.openedType === RECORD.applicationData;
  if (direction.epoch === 'handshake' && (data || direction.cipher !== undefined)) return 'application';
  return direction.epoch === 'plain' ? 'handshake' : direction.epoch;
}
