// SPDX-License-Identifier: Apache-2.0

/**
 * Who logs in, and by what. One exchange an attempt; passwords and answers to prompts go to the sink as credentials, and
 * nowhere else.
 *
 * Source   RFC 4252, RFC 4256
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import { carriedCredential, LOGIN_WITHOUT_TOKEN } from '../carried-credential.ts';
import type { CarriedCredential, DecoderSink, Status } from '../decoder.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import { type Draft, exchangeOf, type WireBytes } from './draft.ts';
import { readPublicKey } from './public-key.ts';

interface Attempt {
  readonly user: string;
  readonly method: string;
  /** A public key is asked for first without a signature. */
  readonly isQuestion: boolean;
  readonly attributes: Record<string, string>;
  credential: CarriedCredential | undefined;
  readonly requestAt: number;
  requestEndAt: number;
}

const ATTEMPTS_MAX = 64;
const PROMPTS_MAX = 64;
const BANNER_MAX = 4096;

export class Login {
  readonly #facts: ConnectionFacts;
  readonly #sink: DecoderSink;
  readonly #wire: WireBytes;
  #attempts: Attempt[] = [];
  #banner = '';

  constructor(facts: ConnectionFacts, sink: DecoderSink, wire: WireBytes) {
    this.#facts = facts;
    this.#sink = sink;
    this.#wire = wire;
  }

  /** SSH_MSG_USERAUTH_REQUEST; false when it is not whole. */
  request(message: Buffer, startAt: number, endAt: number): boolean {
    const reader = new ByteReader(message, 1);
    const user = reader.text(reader.u32());
    reader.view(reader.u32());
    const asked = reader.text(reader.u32());
    // OpenSSH from 8.9 on; the server's key stands behind the rest.
    const method = asked === 'publickey-hostbound-v00@openssh.com' ? 'publickey' : asked;
    if (reader.short) return false;
    const attributes: Record<string, string> = { user, auth_method: method };
    let isQuestion = false;
    let credential: CarriedCredential | undefined;
    if (method === 'password') {
      const isChange = reader.u8() !== 0;
      credential = this.#secret('ssh-password', reader.text(reader.u32()), endAt);
      if (isChange) {
        this.#secret('ssh-password', reader.text(reader.u32()), endAt);
        attributes['password_changed'] = 'true';
      }
    } else if (method === 'publickey') {
      isQuestion = reader.u8() === 0;
      const signature = reader.text(reader.u32());
      Object.assign(attributes, keyAttributes(reader.view(reader.u32())), { signature_algorithm: signature });
    } else if (method === 'hostbased') {
      reader.view(reader.u32());
      Object.assign(attributes, keyAttributes(reader.view(reader.u32())), {
        client_host: reader.text(reader.u32()),
        client_user: reader.text(reader.u32()),
      });
    }
    const requestEndAt = endAt;
    this.#attempts.push({ user, method, isQuestion, attributes, credential, requestAt: startAt, requestEndAt });
    if (this.#attempts.length > ATTEMPTS_MAX) this.#answered('unknown', endAt, {});
    return !reader.short;
  }

  /** Numbers 60 to 79 mean what the method of the attempt says. */
  ofMethod(isClient: boolean, message: Buffer, endAt: number): void {
    const attempt = this.#attempts[0];
    if (attempt === undefined) return;
    if (isClient) {
      if (message[0] === 61 && attempt.method === 'keyboard-interactive') this.#answers(attempt, message, endAt);
      attempt.requestEndAt = endAt;
    } else if (message[0] === 60 && attempt.method === 'publickey') {
      // The server would take the key: the attempt itself follows, signed.
      this.#attempts.shift();
    }
  }

  succeeded(endAt: number): void {
    const attempt = this.#attempts[0];
    if (attempt !== undefined) {
      this.#facts.user = attempt.user;
      const { auth_method, key_fingerprint, certificate_id, certificate_serial } = attempt.attributes;
      Object.assign(this.#facts.attributes, { user: attempt.user, auth_method });
      if (key_fingerprint !== undefined) this.#facts.attributes['key_fingerprint'] = key_fingerprint;
      if (certificate_id !== undefined) {
        Object.assign(this.#facts.attributes, { certificate_id, certificate_serial });
      }
    }
    this.#answered('ok', endAt, {});
  }

  /** SSH_MSG_USERAUTH_FAILURE. */
  failed(message: Buffer, endAt: number): boolean {
    const reader = new ByteReader(message, 1);
    const methods = reader.text(reader.u32());
    const isPartial = reader.u8() !== 0;
    if (reader.short) return false;
    if (isPartial) this.#answered('ok', endAt, { partial: 'true', methods_left: methods });
    else this.#answered('error', endAt, { methods_left: methods });
    return true;
  }

  banner(message: Buffer): void {
    const reader = new ByteReader(message, 1);
    this.#banner = reader.text(Math.min(reader.u32(), BANNER_MAX));
  }

  /** Nobody answers any more. */
  end(at: number, why: string): void {
    while (this.#attempts.length > 0) this.#answered('unknown', at, { disconnect: why });
  }

  #answers(attempt: Attempt, message: Buffer, at: number): void {
    const reader = new ByteReader(message, 1);
    const count = Math.min(reader.u32(), PROMPTS_MAX);
    for (let i = 0; i < count && !reader.short; i++) {
      const secret = reader.text(reader.u32());
      if (secret !== '') attempt.credential = this.#secret('ssh-keyboard-interactive', secret, at);
    }
  }

  #secret(kind: string, secret: string, at: number): CarriedCredential {
    this.#sink.credential({ kind, secret, reach: 'connection', at });
    return carriedCredential(kind, secret, 'connection');
  }

  #answered(status: Status, endAt: number, more: Readonly<Record<string, string>>): void {
    const attempt = this.#attempts.shift();
    if (attempt === undefined) return;
    const { user, method, attributes, isQuestion, requestAt, requestEndAt } = attempt;
    const how = attributes['key_fingerprint'] ?? '';
    const draft: Draft = {
      operation: 'login',
      target: user,
      resource: method,
      statement: `login ${user} ${method}${how && ` ${how}`}`,
      status,
      ...(status === 'error' && { errorCode: 'auth_failed', errorMessage: `methods left: ${more['methods_left']}` }),
      // Clients ask for no authentication only to hear which methods there are.
      routine: method === 'none' && status === 'error',
      credential: attempt.credential ?? LOGIN_WITHOUT_TOKEN,
      attributes: {
        ...this.#facts.attributes,
        ...attributes,
        ...more,
        banner: this.#banner,
        ...(isQuestion && { signed: 'false' }),
      },
      requestAt,
      requestEndAt,
      responseAt: endAt,
      responseEndAt: endAt,
    };
    this.#banner = '';
    this.#sink.exchange(exchangeOf(draft, this.#wire));
  }
}

function keyAttributes(blob: Buffer): Record<string, string> {
  const { algorithm, fingerprint, certificate } = readPublicKey(blob);
  return {
    key_algorithm: algorithm,
    key_fingerprint: fingerprint,
    ...(certificate && {
      certificate_id: certificate.id,
      certificate_serial: certificate.serial,
      certificate_principals: certificate.principals.join(','),
      certificate_authority: certificate.signedBy,
    }),
  };
}
