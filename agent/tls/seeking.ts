// SPDX-License-Identifier: Apache-2.0

import { HASH_BYTES, usualOverheadBytes } from './cipher-suite.ts';
import type { Direction, Epoch } from './direction.ts';
import { Losses } from './losses.ts';
import { TLS_13 } from './negotiation.ts';
import type { Output, UnreadableReason } from './output.ts';
import { RECORD, RECORD_HEADER_BYTES } from './record-cipher.ts';
/**
 * The way back after bytes were lost, were damaged, or came without their key: which of the places that may be a record
 * is one, and how much plaintext is missing in front of it.
 *
 * A gap is told when its size is known. If the other side's data comes out first, its beginning is told before that (one
 * byte at least), so that whoever reads both knows on which side of that data the loss lies.
 */
import type { TlsConnection } from './tls-connection.ts';

/** Sequence numbers that one record is tried with; the next record goes on where this one stopped. */
const SEQUENCES_PER_RECORD = 96;
/** Keys that follow by a KeyUpdate are tried with so many numbers. */
const SEQUENCES_AFTER_UPDATE = 8;
/** Header, tag and type: of a record about which nothing is known. */
const OVERHEAD_BYTES_USUAL = 22;
/** TLS 1.2: a Finished comes first under each key. Its plaintext is of the handshake (RFC 5246, section 7.4.9). */
const FINISHED_BYTES = 16;
const MESSAGE_HEADER_BYTES = 4;

export class Seeking {
  readonly #connection: TlsConnection;
  readonly #output: Output;

  constructor(connection: TlsConnection, output: Output) {
    this.#connection = connection;
    this.#output = output;
  }

  /** From here on `of` is read by search; `exact`: a record begins here. */
  begin(of: Direction, reason: UnreadableReason, exact: boolean): void {
    of.reason = reason;
    of.losses ??= new Losses();
    of.messages.drop();
    of.framer.expect(this.#connection.negotiation.version === TLS_13 ? RECORD.applicationData : undefined);
    of.framer.seek(exact);
  }

  /** `missingBytes` of ciphertext were never had. */
  missed(of: Direction, missingBytes: number, at: number): void {
    const seeking = of.losses !== undefined;
    const { droppedBytes, recordBytes, recordType, unknownBytes } = of.framer.missed(missingBytes);
    this.#output.unreadable(of, 'record_incomplete', droppedBytes, at);
    of.framer.expect(this.#connection.negotiation.version === TLS_13 ? RECORD.applicationData : undefined);
    if (!seeking) of.reason = 'after_gap';
    of.messages.drop();
    of.losses ??= new Losses();
    if (recordBytes > 0) this.#lost(of, recordBytes, recordType, at);
    if (unknownBytes > 0) {
      of.losses.addUnknown(unknownBytes);
      this.#tellBlind(of, unknownBytes - this.#overheadBytes(of), at);
    }
  }

  /** A record that was had and is not read. */
  passed(of: Direction, bytes: number, type: number, at: number): void {
    this.#output.unreadable(of, this.#connection.search.exhausted ? 'trials_exhausted' : of.reason, bytes, at);
    this.#lost(of, bytes, type, at);
  }

  /** Bytes of no record that can be told. */
  skipped(of: Direction, bytes: number, at: number): void {
    this.#output.unreadable(of, of.reason, bytes, at);
    of.losses?.addUnknown(bytes);
    this.#tellBlind(of, bytes, at);
  }

  /** Is the candidate a record that can be read? Then it is read, and `of` is in step again. */
  candidate(of: Direction, record: Buffer, before: Buffer | undefined, at: number): boolean {
    const { negotiation, search } = this.#connection;
    const losses = of.losses ?? new Losses();
    if (of.epoch === 'plain' && isChangeCipherSpec(record)) {
      this.#connection.changeCipherSpec(of);
      if ((of.epoch as Epoch) !== 'sealed') return false;
      of.losses = undefined;
      this.#output.framing(of, record.length);
      return true;
    }
    if (of.epoch === 'plain' && !this.#leavePlain(of, record)) return false;
    const tls13 = of.epoch !== 'sealed';
    // Without a tag nothing tells that it is one, and nothing hangs on it.
    if (tls13 && record[0] !== RECORD.applicationData) return false;
    const isNew = of.cipher === undefined && of.epoch === 'sealed';
    const master = isNew ? this.#connection.takeMaster(of) : undefined;
    const { cipher, sequence, epoch } = of;
    let missing: number | undefined;
    let opened: Buffer | undefined;
    if (cipher !== undefined) {
      for (const tried of losses.sequences(sequence, cipher, record, SEQUENCES_PER_RECORD)) {
        opened = search.open(cipher, tried, record, before);
        if (opened === undefined) continue;
        const finished = epoch === 'sealed' && sequence === 0 && losses.unknownBytes > 0 ? FINISHED_BYTES : 0;
        missing = losses.plaintextBytes(sequence, tried, cipher) - finished;
        if (epoch === 'handshake') missing = 0;
        of.sequence = tried;
        break;
      }
      if (opened === undefined && epoch === 'sealed' && sequence === 0) of.unseal();
      if (opened === undefined && epoch === 'application') opened = this.#afterUpdate(of, record);
    }
    if (opened === undefined && tls13 && (cipher === undefined || epoch !== 'application'))
      opened = search.findAny(of, record);
    if (opened === undefined) return false;
    if (master !== undefined) this.#connection.proved(of, master);
    missing ??= this.#missingUnder(of, cipher !== undefined && epoch === 'application' ? 'updated' : epoch, losses);
    this.#output.gap(of, missing - losses.toldBytes, at);
    of.losses = undefined;
    if (negotiation.version === TLS_13 && of.epoch === 'plain') of.epoch = 'handshake';
    this.#connection.found(of, opened, record.length, at);
    return true;
  }

  /** Data of `of` comes out now: what the other side lost before lies before it. */
  tellOther(of: Direction, at: number): void {
    const { client, server } = this.#connection.directions;
    const other = of === client ? server : client;
    const { losses } = other;
    if (losses === undefined || losses.toldBytes > 0 || losses.bytes === 0) return;
    if (other.epoch !== 'application' && other.epoch !== 'sealed') return;
    losses.toldBytes = 1;
    this.#output.gap(other, 1, at);
  }

  /** Nothing more comes: what is missing is told as well as it can be. */
  end(of: Direction, at: number): void {
    const { losses } = of;
    of.losses = undefined;
    if (losses === undefined || losses.bytes === 0) return;
    if (this.#isBlind(of) || of.epoch === 'plain') return;
    const bytes = losses.plaintextEstimate(this.#overheadBytes(of));
    this.#output.gap(of, bytes - losses.toldBytes, at);
  }

  /** Without a key, and where it is application data: it may be that nothing will ever tell its size better than now. */
  #isBlind(of: Direction): boolean {
    const data = of.epoch === 'application' || of.epoch === 'sealed';
    return of.cipher === undefined && data && of.reason !== 'after_gap';
  }

  /** `type`: of the record's header, which in TLS 1.3 tells nothing. */
  #lost(of: Direction, recordBytes: number, type: number, at: number): void {
    const overhead = this.#overheadBytes(of);
    if (of.epoch === 'sealed' && type !== RECORD.applicationData) {
      of.losses?.addRecord(Math.min(recordBytes, overhead));
      return;
    }
    of.losses?.addRecord(recordBytes);
    this.#tellBlind(of, recordBytes - overhead, at);
  }

  /** What a record is longer than its plaintext. */
  #overheadBytes(of: Direction): number {
    const { suite } = this.#connection.negotiation;
    return of.cipher?.overheadBytes ?? (suite === undefined ? OVERHEAD_BYTES_USUAL : usualOverheadBytes(suite));
  }

  #tellBlind(of: Direction, bytes: number, at: number): void {
    if (bytes <= 0 || of.losses === undefined || !this.#isBlind(of)) return;
    of.losses.toldBytes += bytes;
    this.#output.gap(of, bytes, at);
  }

  /** What is missing in front of a record that was opened with another key than the one before, of which `was` the epoch. */
  #missingUnder(of: Direction, was: Epoch | 'updated', losses: Losses): number {
    const { cipher, sequence } = of;
    if (cipher === undefined || of.reason === 'joined_late') return losses.toldBytes;
    if (was === 'application') {
      // The first key of the application, and the first record that it opens.
      if (sequence >= losses.records) return losses.plaintextBytes(0, sequence, cipher);
      return losses.plaintextEstimate(cipher.overheadBytes);
    }
    // A KeyUpdate lies somewhere in what is missing.
    if (was === 'updated') return losses.plaintextEstimate(cipher.overheadBytes);
    // What is missing of the handshake is no plaintext; a Finished is the least of it.
    if (sequence === 0 || of.epoch !== 'application') return 0;
    const { suite } = this.#connection.negotiation;
    const finished = MESSAGE_HEADER_BYTES + HASH_BYTES[suite?.hash ?? 'sha256'];
    const handshake = cipher.overheadBytes + finished;
    return Math.max(losses.bytes - sequence * cipher.overheadBytes - handshake, 0);
  }

  /** Before any key: a change of keys is seen in the clear in TLS 1.2, and by the type of the record in TLS 1.3. */
  #leavePlain(of: Direction, record: Buffer): boolean {
    const { negotiation } = this.#connection;
    if (negotiation.version === 0 || negotiation.version === TLS_13) return true;
    if (record[0] !== RECORD.applicationData) return false;
    const agreed = negotiation.changeCipherSpec(of.side);
    if (agreed === undefined) return false;
    of.await('sealed', agreed);
    return true;
  }

  /** A KeyUpdate may lie in what is missing. */
  #afterUpdate(of: Direction, record: Buffer): Buffer | undefined {
    const next = of.following();
    if (next === undefined) return undefined;
    for (let sequence = 0; sequence < SEQUENCES_AFTER_UPDATE; sequence++) {
      const opened = this.#connection.search.open(next.cipher, sequence, record);
      if (opened === undefined) continue;
      of.use('application', next.suite, next.secret, next.cipher);
      of.sequence = sequence;
      return opened;
    }
    next.cipher.destroy();
    next.secret.fill(0);
    return undefined;
  }
}

function isChangeCipherSpec(record: Buffer): boolean {
  return record[0] === RECORD.changeCipherSpec && record.length === RECORD_HEADER_BYTES + 1 && record.at(-1) === 1;
}
