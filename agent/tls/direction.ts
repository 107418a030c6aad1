// SPDX-License-Identifier: Apache-2.0

/** One direction of a connection: its framing, its key, and the number of its next record. */
import type { MasterSecret } from '../model/tls-secret.ts';
import type { Side } from '../protocol/decoder.ts';
import { AeadCipher } from './aead-cipher.ts';
import { CbcCipher } from './cbc-cipher.ts';
import type { CipherSuite } from './cipher-suite.ts';
import { HandshakeMessages } from './handshake-messages.ts';
import { keyBlock, nextTrafficSecret } from './key-derivation.ts';
import type { Losses } from './losses.ts';
import { type AgreedKeys, TLS_10 } from './negotiation.ts';
import type { UnreadableReason } from './output.ts';
import type { RecordCipher } from './record-cipher.ts';
import { RecordFramer } from './record-framer.ts';

/** Which keys protect the next record. 'sealed': those of TLS 1.2 and before. */
export type Epoch = 'plain' | 'early' | 'handshake' | 'application' | 'sealed';

/** Every ciphertext byte of one side is in exactly one of these, at any time. */
export interface TlsCounts {
  /** Headers, handshake, tags, padding, alerts: understood. */
  readonly framing: number;
  /** Given out as plaintext. */
  readonly plaintext: number;
  readonly unreadable: number;
  /** Held: waits for a secret, or for the rest of a record. */
  readonly waiting: number;
}

const IV_BYTES = 16;

export class Direction {
  readonly side: Side;
  readonly framer = new RecordFramer();
  readonly messages = new HandshakeMessages();
  epoch: Epoch = 'plain';
  cipher: RecordCipher | undefined;
  /** Of the next record under this key. */
  sequence = 0;
  /** From what the key of TLS 1.2 will be made, once the master secret is there. */
  agreed: AgreedKeys | undefined;
  losses: Losses | undefined;
  /** Why nothing more of it is read; its bytes are only counted. */
  dead: UnreadableReason | undefined;
  /** Why its bytes cannot be read at present. */
  reason: UnreadableReason = 'record_damaged';
  /** Not one record came yet. */
  untouched = true;
  framingBytes = 0;
  plaintextBytes = 0;
  unreadableBytes = 0;
  /** In the queue, or set aside. */
  queuedBytes = 0;
  #secret: Buffer | undefined;
  #suite: CipherSuite | undefined;

  constructor(side: Side) {
    this.side = side;
  }

  get counts(): TlsCounts {
    return {
      framing: this.framingBytes,
      plaintext: this.plaintextBytes,
      unreadable: this.unreadableBytes,
      waiting: this.queuedBytes + this.framer.heldBytes,
    };
  }

  /** The keys of `epoch` are still to come. */
  await(epoch: Epoch, agreed?: AgreedKeys): void {
    this.#forget();
    this.epoch = epoch;
    this.agreed = agreed;
    this.sequence = 0;
    this.messages.drop();
  }

  /** A key of TLS 1.3 that a tag has proved. Owns `secret` and `cipher`. */
  use(epoch: Epoch, suite: CipherSuite, secret: Buffer, cipher: RecordCipher): void {
    this.#forget();
    this.epoch = epoch;
    this.#suite = suite;
    this.#secret = secret;
    this.cipher = cipher;
  }

  /** The key of TLS 1.2 and before. */
  seal(master: MasterSecret): void {
    if (this.agreed !== undefined) this.cipher = cipherOf(this.agreed, master, this.side);
  }

  /** That key opened nothing. */
  unseal(): void {
    this.cipher?.destroy();
    this.cipher = undefined;
  }

  /** The key that follows by a KeyUpdate; the secret is the caller's. */
  following(): { suite: CipherSuite; secret: Buffer; cipher: RecordCipher } | undefined {
    if (this.#suite === undefined || this.#secret === undefined) return undefined;
    const secret = nextTrafficSecret(this.#suite.hash, this.#secret);
    return { suite: this.#suite, secret, cipher: AeadCipher.ofTrafficSecret(this.#suite, secret) };
  }

  updateKey(): void {
    const next = this.following();
    if (next === undefined) return;
    this.use(this.epoch, next.suite, next.secret, next.cipher);
    this.sequence = 0;
  }

  destroy(): void {
    this.#forget();
    this.messages.drop();
  }

  #forget(): void {
    this.cipher?.destroy();
    this.cipher = undefined;
    this.#secret?.fill(0);
    this.#secret = undefined;
  }
}

/** Source: RFC 5246, section 6.3. */
function cipherOf(agreed: AgreedKeys, master: MasterSecret, side: Side): RecordCipher {
  const { suite, version } = agreed;
  const chained = suite.kind === 'cbc' && version === TLS_10;
  const ivBytes = suite.kind === 'cbc' ? (chained ? IV_BYTES : 0) : suite.fixedNonceBytes;
  const sizes = [suite.macBytes, suite.keyBytes, ivBytes];
  const length = 2 * sizes.reduce((sum, size) => sum + size, 0);
  const block = keyBlock(version, suite.hash, master.secret, agreed.serverRandom, agreed.clientRandom, length);
  let at = 0;
  const [macKey, key, iv] = sizes.map((size) => {
    const start = at + (side === 'client' ? 0 : size);
    at += 2 * size;
    return Buffer.from(block.subarray(start, start + size));
  }) as [Buffer, Buffer, Buffer];
  block.fill(0);
  if (suite.kind !== 'cbc') return new AeadCipher(suite, key, iv);
  return new CbcCipher(suite, {
    key,
    macKey,
    initialIv: chained ? iv : undefined,
    encryptThenMac: agreed.encryptThenMac,
  });
}
