// SPDX-License-Identifier: Apache-2.0

import type { Reply } from './reply-reader.ts';
import type { Request } from './request.ts';
import type { Session } from './session.ts';

/** Commands that were queued between MULTI and EXEC, and what became of them. */
export class Transaction {
  readonly #give: (request: Request) => void;
  #queued: Request[] = [];
  #heldBytes = 0;
  /** Of the commands at the beginning so many were given out before their outcome was known. */
  #givenOut = 0;

  constructor(give: (request: Request) => void) {
    this.#give = give;
  }

  get isEmpty(): boolean {
    return this.#queued.length === 0;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A command was answered. Returns true when its outcome is still to come. */
  take(request: Request, reply: Reply, session: Session): boolean {
    if (reply.type === '+' && reply.text === 'QUEUED') {
      request.status = 'unknown';
      request.attributes['queued'] = 'true';
      this.#queued.push(request);
      this.#heldBytes += request.heldBytes;
      return true;
    }
    if (request.name === 'exec') this.#end(request, reply);
    else if (request.name === 'discard' || request.name === 'reset') this.#skip('discarded');
    else return false;
    session.isInTransaction = false;
    return false;
  }

  giveOutFirst(): void {
    const request = this.#queued.shift();
    if (request === undefined) return;
    this.#heldBytes -= request.heldBytes;
    this.#givenOut++;
    this.#give(request);
  }

  giveOutAll(): void {
    for (const request of this.#queued) this.#give(request);
    this.#clear();
  }

  #end(exec: Request, reply: Reply): void {
    if (reply.isNull || exec.status === 'error') {
      if (reply.isNull) {
        exec.fail('', 'not run: a watched key was changed');
        exec.attributes['skipped'] = 'true';
      }
      this.#skip(exec.errorMessage);
      return;
    }
    this.#queued.forEach((request, i) => {
      const failure = reply.failures.get(i + this.#givenOut);
      request.responseEndAt = exec.responseEndAt;
      if (failure !== undefined) request.fail(codeOf(failure), failure);
      else request.status = 'ok';
      this.#give(request);
    });
    const [first] = reply.failures.values();
    if (first !== undefined) {
      exec.fail(codeOf(first), first);
      exec.attributes['failed_commands'] = String(reply.failures.size);
    }
    this.#clear();
  }

  #skip(why: string): void {
    for (const request of this.#queued) {
      request.fail('', `not run: ${why}`);
      request.attributes['skipped'] = 'true';
      this.#give(request);
    }
    this.#clear();
  }

  #clear(): void {
    this.#queued = [];
    this.#heldBytes = 0;
    this.#givenOut = 0;
  }
}

function codeOf(error: string): string {
  return /^[A-Z][A-Z0-9_-]*(?= |$)/.exec(error)?.[0] ?? '';
}
