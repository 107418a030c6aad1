// SPDX-License-Identifier: Apache-2.0

/** What is known of the whole connection: versions, algorithms, the host's key, who logged in. */
import { asBuffer, ByteReader } from '../bytes/byte-reader.ts';
import type { Side } from '../decoder.ts';
import { agree, type KexInit, readKexInit } from './kex-init.ts';
import { readPublicKey } from './public-key.ts';

const VERSION_BYTES_MAX = 255;

export class ConnectionFacts {
  user = '';
  /** As attributes; what is not known is not there. */
  readonly attributes: Record<string, string> = {};
  readonly #offers: Partial<Record<Side, KexInit>> = {};
  #kex = '';

  version(from: Side, line: Buffer): void {
    this.attributes[`${from}_version`] = line.toString('latin1', 0, VERSION_BYTES_MAX);
  }

  offered(from: Side, message: Buffer): void {
    const offer = readKexInit(message);
    if (offer === undefined) return;
    this.#offers[from] = offer;
    const { client, server } = this.#offers;
    if (client === undefined || server === undefined) return;
    const agreed = agree(client, server);
    this.#kex = agreed.kex;
    this.attributes['kex'] = agreed.kex;
    this.attributes['cipher_client'] = agreed.of.client.cipher;
    this.attributes['cipher_server'] = agreed.of.server.cipher;
    delete this.#offers.client;
    delete this.#offers.server;
  }

  /** Numbers 30 to 49 belong to the method of the exchange; the answer with the host's key comes from the server. */
  keyExchange(message: Buffer): void {
    const reply = this.#kex.includes('group-exchange') ? 33 : 31;
    if (message[0] !== reply) return;
    const reader = new ByteReader(asBuffer(message), 1);
    const blob = reader.view(reader.u32());
    if (reader.short) return;
    const { algorithm, fingerprint, certificate } = readPublicKey(blob);
    this.attributes['host_key'] = fingerprint;
    this.attributes['host_key_algorithm'] = algorithm;
    if (certificate !== undefined) this.attributes['host_certificate'] = certificate.id;
  }
}
