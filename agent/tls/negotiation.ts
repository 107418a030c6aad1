// SPDX-License-Identifier: Apache-2.0

/** What both sides agreed on, as their handshake messages say it; the newest handshake where there are several. */
import { ByteReader } from '../protocol/bytes/byte-reader.ts';
import type { Side } from '../protocol/decoder.ts';
import { readClientHelloBody } from '../protocol/opaque/client-hello.ts';
import { type CipherSuite, cipherSuite } from './cipher-suite.ts';
import {
  type CertificateDescription,
  readCertificate,
  readEncryptedExtensions,
  readNewSessionTicket,
  readServerHello,
} from './server-messages.ts';

export const TLS_10 = 0x0301;
export const TLS_13 = 0x0304;

export interface TlsDescription {
  /** 'TLS 1.3'; '' until the server answered. */
  readonly version: string;
  /** The name that IANA gives it; '' until the server answered, 'unknown (0x…)' if it is not in our table. */
  readonly cipherSuite: string;
  readonly serverName: string;
  readonly offeredProtocols: readonly string[];
  /** The one that the server chose; '' for none. */
  readonly protocol: string;
  readonly resumed: boolean;
  readonly certificate: CertificateDescription | undefined;
  readonly clientCertificate: CertificateDescription | undefined;
}

/** What the keys of TLS 1.2 and before are made from, besides the master secret. */
export interface AgreedKeys {
  readonly version: number;
  readonly suite: CipherSuite;
  readonly encryptThenMac: boolean;
  readonly clientRandom: Buffer;
  readonly serverRandom: Buffer;
  /** Names of the session that the handshake resumes, by which its master secret may be remembered; none in a full one. */
  readonly resumes: readonly Buffer[];
}

/** What came of a ServerHello. */
export type ServerHelloOutcome = 'unreadable' | 'retry' | 'unsupported' | 'tls-1.3' | 'before-1.3';

export class Negotiation {
  clientRandom: Buffer | undefined;
  /** 0 until the server answered. */
  version = 0;
  suite: CipherSuite | undefined;
  /** Early data that the client offered: 'open' until the server says whether it takes it. */
  earlyData: 'none' | 'open' | 'accepted' | 'rejected' | 'given-up' = 'none';
  #serverRandom: Buffer | undefined;
  #encryptThenMac = false;
  #suiteId = 0;
  #serverName = '';
  #offeredProtocols: readonly string[] = [];
  #protocol = '';
  #resumed = false;
  #serverDone = false;
  #offeredId: Buffer = NONE;
  #offeredTicket: Buffer = NONE;
  #sessionId: Buffer = NONE;
  #newTicket: Buffer = NONE;
  readonly #certificates: Record<Side, CertificateDescription | undefined> = { client: undefined, server: undefined };

  clientHello(body: Buffer): boolean {
    const hello = readClientHelloBody(new ByteReader(body));
    if (hello === undefined) return false;
    this.clientRandom = hello.random;
    this.#serverRandom = undefined;
    this.#serverDone = false;
    this.#offeredId = hello.sessionId;
    this.#offeredTicket = hello.ticket;
    this.#sessionId = NONE;
    this.#newTicket = NONE;
    this.#serverName = hello.serverName || this.#serverName;
    this.#offeredProtocols = hello.protocols;
    if (hello.offersEarlyData && this.earlyData === 'none') this.earlyData = 'open';
    return true;
  }

  serverHello(body: Buffer): ServerHelloOutcome {
    const hello = readServerHello(body);
    if (hello === undefined) return 'unreadable';
    if (hello.retry) return 'retry';
    this.version = hello.version;
    this.#suiteId = hello.suiteId;
    this.#serverRandom = hello.random;
    this.#encryptThenMac = hello.encryptThenMac;
    this.#sessionId = hello.sessionId;
    if (hello.protocol !== '') this.#protocol = hello.protocol;
    const suite = cipherSuite(hello.suiteId);
    const fits = suite !== undefined && (suite.kind === 'aead-1.3') === (hello.version === TLS_13);
    const known = hello.version >= TLS_10 && hello.version <= TLS_13;
    if (!fits || !known || hello.compressed) return 'unsupported';
    this.suite = suite;
    if (hello.version !== TLS_13) return 'before-1.3';
    this.#resumed = hello.preSharedKey;
    return 'tls-1.3';
  }

  /** Also says what becomes of early data. */
  encryptedExtensions(body: Buffer): void {
    const extensions = readEncryptedExtensions(body);
    if (extensions === undefined) return;
    this.#protocol = extensions.protocol;
    if (this.earlyData === 'open') this.earlyData = extensions.earlyData ? 'accepted' : 'rejected';
  }

  certificate(from: Side, body: Buffer): void {
    this.#certificates[from] = readCertificate(body, this.version === TLS_13);
  }

  serverHelloDone(): void {
    this.#serverDone = true;
  }

  newSessionTicket(body: Buffer): void {
    this.#newTicket = readNewSessionTicket(body) ?? NONE;
  }

  /** By what a later handshake may resume this session, as far as that is new; all is said when the server's Finished comes. */
  get newSessionNames(): readonly Buffer[] {
    // In an abbreviated handshake the id is the old one, or what the client made up to go with its ticket.
    return [this.#serverDone ? this.#sessionId : NONE, this.#newTicket].filter((name) => name.length > 0);
  }

  /** A side of TLS 1.2 or before says that its keys change. Undefined when the handshake was not seen. */
  changeCipherSpec(from: Side): AgreedKeys | undefined {
    if (this.suite === undefined || this.version === TLS_13 || this.version === 0) return undefined;
    if (this.clientRandom === undefined || this.#serverRandom === undefined) return undefined;
    if (from === 'server') this.#resumed = !this.#serverDone;
    return {
      version: this.version,
      suite: this.suite,
      encryptThenMac: this.#encryptThenMac && this.suite.kind === 'cbc',
      clientRandom: this.clientRandom,
      serverRandom: this.#serverRandom,
      resumes: this.#serverDone ? [] : this.#resumedNames(),
    };
  }

  describe(): TlsDescription {
    const id = `unknown (0x${this.#suiteId.toString(16).padStart(4, '0')})`;
    return {
      version: VERSION_NAMES[this.version] ?? (this.version === 0 ? '' : `0x${this.version.toString(16)}`),
      cipherSuite: this.suite?.name ?? (this.version === 0 ? '' : id),
      serverName: this.#serverName,
      offeredProtocols: this.#offeredProtocols,
      protocol: this.#protocol,
      resumed: this.#resumed,
      certificate: this.#certificates.server,
      clientCertificate: this.#certificates.client,
    };
  }

  #resumedNames(): readonly Buffer[] {
    const id = this.#sessionId.equals(this.#offeredId) ? this.#offeredId : NONE;
    return [this.#offeredTicket, id].filter((name) => name.length > 0);
  }
}

const NONE = Buffer.alloc(0);

const VERSION_NAMES: Readonly<Record<number, string>> = {
  [TLS_10]: 'TLS 1.0',
  [0x0302]: 'TLS 1.1',
  [0x0303]: 'TLS 1.2',
  [TLS_13]: 'TLS 1.3',
};
