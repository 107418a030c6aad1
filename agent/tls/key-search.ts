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
/** A secret is derived after the ClientHello; only that of early data a moment before, and then the hello may be held back. */
const DERIVED_BEFORE_NS = 1e9;
/** Trials of secrets that name the connection, before they count as those of others do. */
const NAMED_TRIALS = 64;
const FIRST_SEQUENCE = (): readonly number[] => [0];
/** Where something is known of the loss, numbers that fit it. */
const SEQUENCES_GUESSED = 12;
/** While it seeks, each record is tried with each secret; one that fails this often is of another connection… */
const RECORDS_PER_SECRET = 4;
/** …unless it is named as one of this connection: then its first record may be some way off. */
const RECORDS_PER_OWN_SECRET = 256;

/** What was tried on a record and did not open it. */
export class Tried extends WeakSet<TlsSecret> {
  /** All that came until then were looked at, for the place of that label. */
  untilArrival = 0;
  label = '';
  /** There was more to try: what the session may spend was spent, or this record had its share. */
  isUnfinished = false;
}

export class KeySearch {
  readonly #secrets: SecretStore;
  readonly #negotiation: Negotiation;
  #trials = 0;
  #namedTrials = 0;
  #bytes = 0;
  #beganNs: number | undefined;
  /** The last search ended before all was tried. */
  #isUnfinished = false;
  readonly #failures = { client: new WeakMap<TrafficSecret, number>(), server: new WeakMap<TrafficSecret, number>() };

  /** The last search of this side found nothing left to try: it need not look again until secrets come. */
  readonly #nothingLeft = { client: false, server: false };
  /** All that came until then are tried as often as is worth it. */
  readonly #untilArrival = { client: 0, server: 0 };

  constructor(secrets: SecretStore, negotiation: Negotiation) {
    this.#secrets = secrets;
    this.#negotiation = negotiation;
  }

  get exhausted(): boolean {
    return this.#trials >= TRIALS_FIRST + this.#bytes / BYTES_PER_TRIAL;
  }

  arrived(bytes: number, at: number): void {
    this.#bytes += bytes;
    this.#beganNs ??= at;
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
  findNext(direction: Direction, record: Buffer, tried: Tried): Buffer | undefined {
    const { suite } = this.#negotiation;
    if (suite === undefined) return undefined;
    const label = `${direction.side}-${direction.epoch}`;
    const { arrivals } = this.#secrets;
    const afterArrival = tried.label === label ? tried.untilArrival : 0;
    const opened = this.#find(direction, record, afterArrival, {
      sequences: FIRST_SEQUENCE,
      suites: (secret) => {
        const fits = secret.label === undefined || secret.label === label;
        return fits && !tried.has(secret) ? [suite] : [];
      },
      begin: (secret) => tried.add(secret),
    });
    tried.label = label;
    tried.isUnfinished = this.#isUnfinished;
    tried.untilArrival = this.#isUnfinished ? afterArrival : arrivals;
    return opened;
  }

  /** After a loss: any key of this side. */
  findAny(direction: Direction, record: Buffer): Buffer | undefined {
    const { side, losses, sequence, reason } = direction;
    if (this.#nothingLeft[side] && this.#untilArrival[side] === this.#secrets.arrivals) return undefined;
    const trialsBefore = this.#trials;
    const { suite } = this.#negotiation;
    const failures = this.#failures[side];
    const { arrivals } = this.#secrets;
    const opened = this.#find(direction, record, this.#untilArrival[side], {
      sequences: (cipher) => {
        if (losses === undefined || reason === 'joined_late') return SEQUENCES_LATE;
        return [...new Set([...losses.sequences(sequence, cipher, record, SEQUENCES_GUESSED), ...SEQUENCES_LATE])];
      },
      suites: (secret) => {
        const failed = failures.get(secret) ?? 0;
        const named = secret.label === undefined || secret.label.startsWith(side);
        const own = secret.clientRandom !== undefined && this.#negotiation.clientRandom !== undefined;
        if (!named || failed >= (own ? RECORDS_PER_OWN_SECRET : RECORDS_PER_SECRET)) return [];
        return suite === undefined ? suitesOfSecret(secret.secret.length) : [suite];
      },
      begin: (secret) => failures.set(secret, (failures.get(secret) ?? 0) + 1),
    });
    this.#nothingLeft[side] = this.#trials === trialsBefore && !this.#isUnfinished;
    if (this.#nothingLeft[side]) this.#untilArrival[side] = arrivals;
    return opened;
  }

  #find(direction: Direction, record: Buffer, afterArrival: number, how: Search): Buffer | undefined {
    const last = this.#trials + TRIALS_PER_RECORD;
    const { clientRandom } = this.#negotiation;
    const sinceNs = (this.#beganNs ?? 0) - DERIVED_BEFORE_NS;
    this.#isUnfinished = true;
    for (const candidate of this.#secrets.traffic({ clientRandom, afterArrival, sinceNs })) {
      const suites = how.suites(candidate).filter(({ hash }) => candidate.secret.length === HASH_BYTES[hash]);
      if (suites.length === 0) continue;
      if (this.#trials >= last || this.exhausted) return undefined;
      if (!this.#spend(candidate, suites.length)) return undefined;
      how.begin(candidate);
      for (const suite of suites) {
        const cipher = AeadCipher.ofTrafficSecret(suite, candidate.secret);
        const sequences = how.sequences(cipher);
        if (sequences.length > 1) this.#spend(candidate, sequences.length - 1);
        for (const sequence of sequences) {
          const opened = this.open(cipher, sequence, record);
          if (opened === undefined) continue;
          this.#secrets.take(candidate, clientRandom);
          direction.use(epochOf(candidate, direction, cipher), suite, candidate.secret, cipher);
          direction.sequence = sequence;
          this.#negotiation.suite = suite;
          this.#negotiation.version = TLS_13;
          this.#isUnfinished = false;
          return opened;
        }
        cipher.destroy();
      }
    }
    this.#isUnfinished = false;
    return undefined;
  }

  #spend({ clientRandom }: TrafficSecret, trials: number): boolean {
    const own = clientRandom !== undefined && this.#negotiation.clientRandom !== undefined;
    if (own && this.#namedTrials < NAMED_TRIALS) {
      this.#namedTrials += trials;
      return true;
    }
    return this.#secrets.spendTrials(trials);
  }
}

interface Search {
  readonly sequences: (cipher: RecordCipher) => readonly number[];
  /** With which the secret is to be tried; none when it is not to be tried. */
  readonly suites: (secret: TrafficSecret) => readonly CipherSuite[];
  /** It is being tried. */
  readonly begin: (secret: TrafficSecret) => void;
}

function epochOf(secret: TrafficSecret, direction: Direction, cipher: RecordCipher): Epoch {
  if (secret.label !== undefined) return secret.label.slice(secret.label.indexOf('-') + 1) as Epoch;
  // Application data is never sent under a handshake key, and there is one handshake key only.
  const data = cipher.openedType === RECORD.applicationData;
  if (direction.epoch === 'handshake' && (data || direction.cipher !== undefined)) return 'application';
  return direction.epoch === 'plain' ? 'handshake' : direction.epoch;
}
