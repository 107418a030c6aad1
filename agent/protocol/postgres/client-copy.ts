// SPDX-License-Identifier: Apache-2.0

import type { Conversation } from './conversation.ts';
import type { Request } from './request.ts';

/** COPY data that the client sends: whose it is, and how much of it is kept. */
export class ClientCopy {
  readonly #talk: Conversation;
  /** The request that was sent last and may be a COPY. */
  lastRun: Request | undefined;
  #longOwner: Request | undefined;
  #longDroppedBytes = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /** The request that the server wants data for, or one for which it will: a client may send before it is asked. */
  get owner(): Request | undefined {
    const owner = this.#talk.copying ?? this.lastRun;
    return owner !== undefined && owner.openSteps > 0 && !owner.isGivenOut ? owner : undefined;
  }

  /** Returns how many bytes were above the bound of a request. */
  data(owner: Request, bytes: Buffer, start: number, end: number, missingBytes: number): number {
    const droppedBytes = this.#talk.addCopyData(owner, bytes, start, end);
    if (missingBytes > 0) this.#talk.copyIn.addHole(missingBytes);
    return droppedBytes;
  }

  // A message that is too long to be collected

  beginLong(): void {
    this.#longOwner = this.owner;
    this.#longDroppedBytes = 0;
  }

  longPart(bytes: Buffer, start: number, end: number): void {
    const owner = this.#longOwner;
    if (owner === undefined || owner.isGivenOut) return;
    this.#longDroppedBytes += this.#talk.addCopyData(owner, bytes, start, end);
  }

  /** Returns whose it was, if that still waits, and how many bytes were above the bound. */
  endLong(missingBytes: number): { owner: Request | undefined; droppedBytes: number } {
    const owner = this.#longOwner;
    this.#longOwner = undefined;
    if (owner === undefined || owner.isGivenOut) return { owner: undefined, droppedBytes: 0 };
    if (missingBytes > 0) this.#talk.copyIn.addHole(missingBytes);
    return { owner, droppedBytes: this.#longDroppedBytes };
  }

  abandonLong(): void {
    this.#longOwner = undefined;
  }
}
