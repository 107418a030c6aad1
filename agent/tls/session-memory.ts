// SPDX-License-Identifier: Apache-2.0

/**
 * Which master secret a session of TLS 1.2 has, for as long as it may be resumed: Go writes a key log in full handshakes
 * only, so the secret of a resumed connection is that of an earlier one, or none. The id or the ticket names the session;
 * both cross the wire in the clear.
 *
 * Each name has a copy of the secret of its own, which is filled with zeros when the name leaves.
 */
import { createHash } from 'node:crypto';
import type { MasterSecret } from '../model/tls-secret.ts';

export interface SessionMemoryOptions {
  /** Names, not connections: a server may give a new ticket at each resumption. */
  readonly sessionsMax?: number;
  readonly sessionUnusedNsMax?: number;
}

/** Of names; remembered = forgotten + those that are known. */
export interface SessionCounts {
  readonly remembered: number;
  /** Too old, too many, replaced by a newer one, or the session of workloads ended. */
  readonly forgotten: number;
}

/** A Go client keeps 64 sessions by default; a server gives one to each client. Some 300 KiB. */
const SESSIONS_MAX = 1024;
/** 24 h after its last use: RFC 5246 (appendix F.1.4) suggests it as the longest life of a session id. */
const SESSION_UNUSED_NS_MAX = 24 * 3600e9;

interface Remembered {
  readonly master: MasterSecret;
  usedAtNs: number;
}

export class SessionMemory {
  readonly #sessionsMax: number;
  readonly #unusedNsMax: number;
  /** By digest of the name, for tickets may be large; in order of last use. */
  readonly #sessions = new Map<string, Remembered>();
  readonly #counts = { remembered: 0, forgotten: 0 };

  constructor(options: SessionMemoryOptions = {}) {
    this.#sessionsMax = options.sessionsMax ?? SESSIONS_MAX;
    this.#unusedNsMax = options.sessionUnusedNsMax ?? SESSION_UNUSED_NS_MAX;
  }

  get counts(): SessionCounts {
    return { ...this.#counts };
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Keeps a copy. What was remembered by that name before leaves. */
  remember(sessionName: Uint8Array, master: MasterSecret, atNs: number): void {
    const key = keyOf(sessionName);
    const copy = { ...master, secret: Buffer.from(master.secret) };
    this.#forget(key);
    this.#sessions.set(key, { master: copy, usedAtNs: atNs });
    this.#counts.remembered++;
    while (this.size > this.#sessionsMax) this.#forget(this.#oldest());
  }

  resumed(sessionName: Uint8Array, atNs: number): MasterSecret | undefined {
    const key = keyOf(sessionName);
    const session = this.#sessions.get(key);
    if (session === undefined) return undefined;
    session.usedAtNs = atNs;
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session.master;
  }

  expire(nowNs: number): void {
    for (const [key, { usedAtNs }] of this.#sessions) {
      if (nowNs - usedAtNs <= this.#unusedNsMax) return;
      this.#forget(key);
    }
  }

  drop(): void {
    while (this.size > 0) this.#forget(this.#oldest());
  }

  #oldest(): string {
    return this.#sessions.keys().next().value ?? '';
  }

  #forget(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    session.master.secret.fill(0);
    this.#sessions.delete(key);
    this.#counts.forgotten++;
  }
}

function keyOf(sessionName: Uint8Array): string {
  return createHash('sha256').update(sessionName).digest('latin1');
}
