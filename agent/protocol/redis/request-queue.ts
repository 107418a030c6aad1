// SPDX-License-Identifier: Apache-2.0

import type { Request } from './request.ts';
import { type ReplySecrets, replySecretsOf, stricterOf } from './secrets.ts';

/** Requests that wait for their replies, in order. Beyond the bound the oldest is given out without one. */
export class RequestQueue {
  readonly #lengthMax: number;
  readonly #give: (request: Request) => void;
  #requests: (Request | undefined)[] = [];
  #first = 0;
  #heldBytes = 0;

  constructor(lengthMax: number, give: (request: Request) => void) {
    this.#lengthMax = Math.max(1, lengthMax);
    this.#give = give;
  }

  get isEmpty(): boolean {
    return this.#first === this.#requests.length;
  }

  get head(): Request | undefined {
    return this.#requests[this.#first];
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get waiting(): readonly Request[] {
    return this.#requests.slice(this.#first) as Request[];
  }

  push(request: Request): void {
    if (this.#requests.length - this.#first >= this.#lengthMax) this.giveOutFirst();
    this.#requests.push(request);
    this.#heldBytes += request.heldBytes;
  }

  /** What `change` adds to the request at the head is held too. */
  keep(change: () => void): void {
    const before = this.head?.heldBytes ?? 0;
    change();
    this.#heldBytes += (this.head?.heldBytes ?? 0) - before;
  }

  shift(): Request | undefined {
    const request = this.head;
    if (request === undefined) return undefined;
    this.#heldBytes -= request.heldBytes;
    this.#requests[this.#first++] = undefined;
    if (this.#first > 1024 && 2 * this.#first > this.#requests.length) {
      this.#requests = this.#requests.slice(this.#first);
      this.#first = 0;
    }
    return request;
  }

  /** The oldest goes without its reply, which will come still. */
  giveOutFirst(): void {
    const request = this.shift();
    if (request === undefined) return;
    request.attributes['reply_missing'] = 'not-awaited';
    this.#give(request);
    const secrets = replySecretsOf(request.name);
    this.#givenUpSecrets = this.givenUp === 0 ? secrets : stricterOf(this.#givenUpSecrets, secrets);
    this.givenUp++;
  }

  /** Requests that were given out and whose replies are still to come. */
  givenUp = 0;
  #givenUpSecrets: ReplySecrets = 'none';

  /** How the next reply must be looked at. It may be that of any request that was given out: the strictest holds. */
  get replySecrets(): ReplySecrets {
    const secrets = replySecretsOf(this.head?.name);
    return this.givenUp === 0 ? secrets : stricterOf(this.#givenUpSecrets, secrets);
  }

  giveOutAll(): void {
    for (let request = this.shift(); request !== undefined; request = this.shift()) this.#give(request);
    this.givenUp = 0;
  }
}
