// SPDX-License-Identifier: Apache-2.0

/**
 * Reads the records of both directions: what the handshake says, which key comes next, and the plaintext. It does not
 * wait: where a secret is missing it says so, and the layer above keeps the record.
 *
 * Source   RFC 8446 (TLS 1.3: sections 2, 4.6, 5, 7 and appendix D.4); RFC 5246 (TLS 1.2: section 7)
 */
import type { MasterSecret } from '../model/tls-secret.ts';
import type { Side } from '../protocol/decoder.ts';
import { Direction } from './direction.ts';
import { HANDSHAKE } from './handshake-messages.ts';
import { KeySearch, type Tried } from './key-search.ts';
import { Negotiation, TLS_13 } from './negotiation.ts';
import type { Output } from './output.ts';
import { RECORD, RECORD_HEADER_BYTES } from './record-cipher.ts';
import type { SecretStore } from './secret-store.ts';
import { Seeking } from './seeking.ts';

/** 'set-aside': early data, of which the server has not said yet whether it takes it. */
export type RecordOutcome = 'read' | 'wait' | 'set-aside';

export class TlsConnection {
  readonly directions: Readonly<Record<Side, Direction>> = {
    client: new Direction('client'),
    server: new Direction('server'),
  };
  readonly negotiation = new Negotiation();
  readonly search: KeySearch;
  readonly seeking: Seeking;
  readonly #secrets: SecretStore;
  readonly #output: Output;
  /** The client's records may still be of early data that the server refused. */
  #skipsEarlyData = false;

  constructor(secrets: SecretStore, output: Output) {
    this.#secrets = secrets;
    this.#output = output;
    this.search = new KeySearch(secrets, this.negotiation);
    this.seeking = new Seeking(this, output);
  }

  /** A record in step. `tried` keeps the secrets that did not open it. */
  record(of: Direction, record: Buffer, at: number, tried: Tried): RecordOutcome {
    of.untouched = false;
    if (of.epoch === 'plain') return this.#plain(of, record, at);
    if (this.isUnprotected(of, record)) {
      this.#output.framing(of, record.length);
      return 'read';
    }
    const isNew = of.cipher === undefined;
    const master = isNew && of.epoch === 'sealed' ? this.takeMaster(of, tried) : undefined;
    const opened =
      of.cipher === undefined ? this.search.findNext(of, record, tried) : of.cipher.open(of.sequence, record);
    if (opened !== undefined) {
      if (master !== undefined) this.proved(of, master);
      of.sequence++;
      if (of.side === 'client') this.#skipsEarlyData = false;
      this.#content(of, opened, record.length, at);
      return 'read';
    }
    // A newer master secret of the same handshake may come.
    if (isNew) of.unseal();
    if (of.cipher === undefined && !this.search.exhausted) return 'wait';
    this.refuse(of, record, at, this.search.exhausted ? 'trials_exhausted' : 'record_damaged');
    return 'read';
  }

  /** The record will not be read. */
  refuse(
    of: Direction,
    record: Buffer,
    at: number,
    reason: 'no_secret' | 'memory_bound' | 'trials_exhausted' | 'record_damaged',
  ): void {
    if (of.side === 'client' && this.#skipsEarlyData) {
      this.#output.unreadable(of, 'early_data_rejected', record.length, at);
      return;
    }
    this.seeking.begin(of, reason, true);
    this.seeking.passed(of, record.length, record[0] as number, at);
  }

  /** A record that was found again; `opened` is what is in it. */
  found(of: Direction, opened: Buffer, recordBytes: number, at: number): void {
    of.untouched = false;
    of.sequence++;
    if (of.side === 'client') this.#skipsEarlyData = false;
    this.#content(of, opened, recordBytes, at);
  }

  /** TLS 1.3: what stands in the clear between protected records, for old middleboxes or when a key does not fit. */
  isUnprotected(of: Direction, record: Buffer): boolean {
    if (of.epoch === 'sealed' || record[0] === RECORD.applicationData) return false;
    const length = record.length - RECORD_HEADER_BYTES;
    if (record[0] === RECORD.changeCipherSpec) return length === 1 && record[RECORD_HEADER_BYTES] === 1;
    return record[0] === RECORD.alert && length === 2;
  }

  /** The master secret that `of` has its key of now; undefined when there is none that was not tried. */
  takeMaster(of: Direction, tried?: Tried): MasterSecret | undefined {
    if (of.agreed === undefined) return undefined;
    const { clientRandom, serverRandom, resumes } = of.agreed;
    const handedOver = this.#secrets.master(clientRandom, serverRandom);
    // A library may hand over nothing when a session is resumed.
    const remembered = resumes.map((name) => this.#secrets.resumed(name));
    const master = [handedOver, ...remembered].find((one) => one !== undefined && !tried?.has(one));
    if (master === undefined) return undefined;
    tried?.add(master);
    of.seal(master);
    return master;
  }

  /** A record of `of` was opened by it. */
  proved(of: Direction, master: MasterSecret): void {
    // Where both randoms are known, a library has made the keys of that handshake, and hands the secret over each time.
    if (of.side !== 'server' || master.serverRandom !== undefined) return;
    for (const name of this.negotiation.newSessionNames) this.#secrets.remember(name, master);
  }

  /** It will not be known what the server does with early data. */
  giveUpEarlyData(): void {
    const { client } = this.directions;
    if (this.negotiation.earlyData === 'open') this.negotiation.earlyData = 'given-up';
    if (client.epoch === 'plain' && this.negotiation.version === TLS_13) this.#awaitClient();
  }

  end(): void {
    if (this.negotiation.clientRandom !== undefined) this.#secrets.end(this.negotiation.clientRandom);
    this.directions.client.destroy();
    this.directions.server.destroy();
  }

  #plain(of: Direction, record: Buffer, at: number): RecordOutcome {
    const { negotiation } = this;
    const type = record[0];
    if (type === RECORD.handshake) {
      this.#output.framing(of, record.length);
      this.#messages(of, record.subarray(RECORD_HEADER_BYTES));
    } else if (type === RECORD.changeCipherSpec) {
      this.#output.framing(of, record.length);
      this.changeCipherSpec(of);
    } else if (type === RECORD.alert) {
      this.#output.framing(of, record.length);
    } else if (of.side === 'client' && negotiation.earlyData === 'open') {
      return 'set-aside';
    } else if (of.side === 'client' && negotiation.earlyData === 'rejected') {
      // Between a HelloRetryRequest and the second ClientHello.
      this.#output.unreadable(of, 'early_data_rejected', record.length, at);
    } else {
      this.seeking.begin(of, 'record_damaged', true);
      this.seeking.passed(of, record.length, record[0] as number, at);
    }
    return 'read';
  }

  /** Of TLS 1.2 and before; in TLS 1.3 it means nothing. */
  changeCipherSpec(of: Direction): void {
    const agreed = this.negotiation.changeCipherSpec(of.side);
    if (agreed !== undefined) of.await('sealed', agreed);
  }

  #content(of: Direction, opened: Buffer, recordBytes: number, at: number): void {
    const type = of.cipher?.openedType;
    if (type === RECORD.applicationData) {
      this.seeking.tellOther(of, at);
      this.#output.data(of, opened, recordBytes, at);
      return;
    }
    this.#output.framing(of, recordBytes);
    if (type === RECORD.handshake) this.#messages(of, opened);
    else if (type === RECORD.changeCipherSpec) this.changeCipherSpec(of);
  }

  #messages(of: Direction, fragment: Buffer): void {
    of.messages.push(fragment, (type, body) => this.#message(of, type, body));
  }

  #message(of: Direction, type: number, body: Buffer): void {
    const { negotiation } = this;
    const { client, server } = this.directions;
    const tls13 = negotiation.version === TLS_13;
    switch (type) {
      case HANDSHAKE.clientHello:
        if (of === client && !tls13) this.#clientHello(body);
        return;
      case HANDSHAKE.serverHello:
        if (of === server && !tls13) this.#serverHello(body);
        return;
      case HANDSHAKE.encryptedExtensions:
        if (of !== server || of.epoch !== 'handshake') return;
        negotiation.encryptedExtensions(body);
        if (client.epoch !== 'plain') return;
        if (negotiation.earlyData === 'accepted') client.await('early');
        else this.#awaitClient();
        return;
      case HANDSHAKE.certificate:
        // A renegotiation shows it again; a client that is asked later shows it under the application key.
        negotiation.certificate(of.side, body);
        return;
      case HANDSHAKE.newSessionTicket:
        if (of === server && !tls13) negotiation.newSessionTicket(body);
        return;
      case HANDSHAKE.serverHelloDone:
        if (of === server) negotiation.serverHelloDone();
        return;
      case HANDSHAKE.endOfEarlyData:
        if (of.epoch === 'early') of.await('handshake');
        return;
      case HANDSHAKE.finished:
        if (of.epoch === 'handshake') of.await('application');
        return;
      case HANDSHAKE.keyUpdate:
        if (of.epoch === 'application') of.updateKey();
        return;
    }
  }

  #clientHello(body: Buffer): void {
    const before = this.negotiation.clientRandom;
    if (!this.negotiation.clientHello(body)) return;
    const { clientRandom } = this.negotiation;
    if (before !== undefined && !clientRandom?.equals(before)) this.#secrets.end(before);
    if (clientRandom !== undefined) this.#secrets.begin(clientRandom);
  }

  #serverHello(body: Buffer): void {
    const { client, server } = this.directions;
    const outcome = this.negotiation.serverHello(body);
    if (outcome === 'retry' && this.negotiation.earlyData === 'open') this.negotiation.earlyData = 'rejected';
    if (outcome === 'unsupported') {
      client.dead = 'suite_unsupported';
      server.dead = 'suite_unsupported';
    }
    if (outcome !== 'tls-1.3') return;
    server.await('handshake');
    if (this.negotiation.earlyData !== 'open') {
      if (client.epoch === 'plain') client.await('handshake');
    }
  }

  #awaitClient(): void {
    this.directions.client.await('handshake');
    this.#skipsEarlyData = this.negotiation.earlyData === 'rejected';
  }
}
